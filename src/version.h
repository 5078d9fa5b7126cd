/* The version of leat, in one place. */
#ifndef LEAT_VERSION_H
#define LEAT_VERSION_H

#define LEAT_VERSION "0.1.0"

#endif
