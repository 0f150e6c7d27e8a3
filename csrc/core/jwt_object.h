/* Reading the JSON objects that JWTs and their keys are made of. Pure. */
#ifndef ACCS_JWT_OBJECT_H
#define ACCS_JWT_OBJECT_H

#include "accs.h"

/*
 * Takes the value of a member.
 *
 * member  index of its name
 * value   the value's first event; what follows of a list or an object is to be read too
 */
typedef accs_error (*accs_jwt_take)(void *into, size_t member, accs_json_reader *reader,
                                    const accs_json_event *value);

typedef struct accs_jwt_object {
    const char *const *names; /* of the members that are wanted; all others are passed over */
    size_t name_count;        /* at most 32 */
    accs_jwt_take take;
    void *into;
    bool repeated; /* set when a wanted name stands there twice: readers differ in which counts */
} accs_jwt_object;

/* Reads a document that is an object: 16 levels, and as large as an answer of IMS, at most.
 * ACCS_ERROR_PARSE, ACCS_ERROR_MEMORY, what take answers. */
accs_error accs_jwt_document_read(accs_text document, accs_jwt_object *object);

/* Reads the rest of an object whose ACCS_JSON_OBJECT has come, its end included. Likewise. */
accs_error accs_jwt_object_read(accs_json_reader *reader, accs_jwt_object *object);

/* The next event. Errors as above, for the document's end too. */
accs_error accs_jwt_next(accs_json_reader *reader, accs_json_event *event);

/* Passes over the rest of a value whose first event was of that kind. */
accs_error accs_jwt_skip(accs_json_reader *reader, accs_json_kind kind);

/* Whether the event is a string of just that text. */
bool accs_jwt_is_text(const accs_json_event *event, const char *text);

#endif
