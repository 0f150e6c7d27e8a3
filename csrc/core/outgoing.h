/* A request as libcurl's options: address, headers, method, body. */
#ifndef ACCS_OUTGOING_H
#define ACCS_OUTGOING_H

#include "transfer.h"

/*
 * Sets the request on an easy handle that was prepared for the connection.
 *
 * request  borrowed until the transfer has ended
 * origin   "https://host:port" that the handle has as its address; NULL: none, or a whole address.
 *          Kept with the handle, and freed by its owner.
 *
 * Returns false when libcurl refuses or memory runs out: then the handle is half set.
 */
bool accs_outgoing_set(CURL *easy, const accs_connection *connection,
                       const accs_transfer_request *request, char **origin);

#endif
