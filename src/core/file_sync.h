/* Makes changes of files survive a loss of power. */
#ifndef JSEC_CORE_FILE_SYNC_H
#define JSEC_CORE_FILE_SYNC_H

#include "core/failure.h"

/* Wait until the content of a file is on the disk, or, for a folder, its names. */
bool file_sync(const char *path, Failure *failure);

#endif
