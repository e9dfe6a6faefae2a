/* Arithmetic of points on elliptic curves (SEC 1). */
#ifndef JSEC_CORE_POINT_H
#define JSEC_CORE_POINT_H

#include "core/algorithms.h"

#define MAX_FIELD_LENGTH 66 /* P-521's coordinates */

/* A point as bytes: coordinates, or SEC1's encoding. */
typedef struct PointBytes {
    Bytes x, y, sec1;
} PointBytes;

typedef struct Coordinates {
    uint8_t x[MAX_FIELD_LENGTH], y[MAX_FIELD_LENGTH];
    int length;
} Coordinates;

/* All of these fail on a point that is not on the curve, and on a result at infinity, which has no
 * coordinates. Scalars are big-endian and count modulo the order. */

/* scalar * point; NULL: times the generator. */
bool point_multiply(const CurveRow *curve, Bytes scalar, const PointBytes *point, Coordinates *out,
                    Failure *failure);

bool point_add(const CurveRow *curve, const PointBytes *a, const PointBytes *b, Coordinates *out,
               Failure *failure);

/* The coordinates of a point in either form. */
bool point_reread(const CurveRow *curve, const PointBytes *point, Coordinates *out,
                  Failure *failure);

/* From 1 to the order minus 1, in as many bytes as the order has, at most MAX_FIELD_LENGTH. */
bool point_random_scalar(const CurveRow *curve, uint8_t *out, int *length, Failure *failure);

#endif
