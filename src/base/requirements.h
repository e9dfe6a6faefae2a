/* What jsec needs of Janet. tools/get-janet and project.janet check the same, and name the version
 * that they find. */
#ifndef JSEC_BASE_REQUIREMENTS_H
#define JSEC_BASE_REQUIREMENTS_H

#include <janet.h>

#if JANET_VERSION_MAJOR == 1 && JANET_VERSION_MINOR < 41
#error "jsec needs Janet 1.41 or later: this janet.h is of an older one"
#endif
#ifndef JANET_EV
#error "jsec needs Janet's event loop: this Janet was built with JANET_NO_EV"
#elif !defined(JANET_NET)
#error "jsec needs Janet's net functions: this Janet was built with JANET_NO_NET"
#endif

#endif
