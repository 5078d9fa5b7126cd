/* datagen.fault: what a driver can do wrong, done on purpose. */
#ifndef LEAT_SOURCE_DATAGEN_FAULT_H
#define LEAT_SOURCE_DATAGEN_FAULT_H

/* In the order of the option's choices. */
typedef enum leat_datagen_fault {
    LEAT_DATAGEN_GOOD,
    LEAT_DATAGEN_LEAK,
    LEAT_DATAGEN_SPIN,
    LEAT_DATAGEN_FLOOD,
    LEAT_DATAGEN_DEADLOCK,
    LEAT_DATAGEN_CRASH,
} leat_datagen_fault;

/* In place of a read, each time. Returns from a leak of some megabytes, and from what is done
 * elsewhere (FLOOD); never from the others. */
void leat_datagen_go_wrong(leat_datagen_fault fault);

#endif
