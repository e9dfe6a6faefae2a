#include "core/once.h"

#include <pthread.h>

void *once_get(Once *once, void *(*make)(const void *argument), const void *argument) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    void *made = atomic_load(once);
    if (made) return made;
    pthread_mutex_lock(&lock);
    made = atomic_load(once); /* another thread may have been first */
    if (!made) {
        made = make(argument);
        atomic_store(once, made);
    }
    pthread_mutex_unlock(&lock);
    return made;
}
