/*
 * One answer as it arrives: lines of its head, bytes of its body. Knows no
 * libcurl; decides what libcurl lets pass (a cut head, a cut gzip body, lengths
 * that differ, statuses that do not exist).
 */
#ifndef ACCS_ANSWER_H
#define ACCS_ANSWER_H

#include "inflate.h"
#include "reply.h"

#define ACCS_ANSWER_TOO_MANY_HEADERS "the answer has more headers than the limit (max_headers)"

typedef enum accs_coding { ACCS_CODING_NONE = 0, ACCS_CODING_GZIP, ACCS_CODING_OTHER } accs_coding;

/* Zeroed is valid before accs_answer_begin(). */
typedef struct accs_answer {
    accs_reply *reply;     /* borrowed; filled */
    accs_inflate *inflate; /* kept from answer to answer */
    accs_coding coding;
    bool head_complete;
    bool has_length;
    bool got_body;
    uint64_t length; /* Content-Length, with has_length */
    accs_error error;
    bool final; /* with error: the same request would end the same way */
    const char *text;
    /* Of a body that is handed out as it comes: set stream after accs_answer_begin(). */
    bool stream;
    bool streaming;      /* this answer's is: a 2xx, and no page */
    uint64_t stream_max; /* decoded bytes; 0: no limit */
    accs_buffer rest;    /* still coded: had no room in the window */
    size_t rest_at;      /* bytes of rest that were used */
} accs_answer;

/* Makes ready for an answer into reply, which is emptied. */
void accs_answer_begin(accs_answer *answer, accs_reply *reply);
void accs_answer_cleanup(accs_answer *answer);

/*
 * Takes a line of the head as libcurl hands it over: with its line end, the
 * status line first, an empty line last. A new status line starts anew (interim
 * answers, repeats). Lines behind the head (trailers) are passed over.
 *
 * Returns false when the answer is refused: then error, final and text say why.
 */
bool accs_answer_line(accs_answer *answer, const char *line, size_t line_len);

/* Takes bytes of the body, still coded; false as above. Those of a stream only while it is not
 * full. */
bool accs_answer_body(accs_answer *answer, const char *bytes, size_t bytes_len);

/* A stream whose window has no room left, or which holds bytes back: nothing more may come now. */
bool accs_answer_full(const accs_answer *answer);

/* After bytes were taken out of the reply's body: decodes what was held back; false as above. */
bool accs_answer_drain(accs_answer *answer);

/* The transfer ended well as far as HTTP goes: refuses an answer that is not whole. */
void accs_answer_finish(accs_answer *answer);

/* Refuses the answer; the first reason stays. text must live for ever. */
void accs_answer_refuse(accs_answer *answer, accs_error error, const char *text);

#endif
