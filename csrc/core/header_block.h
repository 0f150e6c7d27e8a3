/* The header list of a request, in one piece of memory. */
#ifndef ACCS_HEADER_BLOCK_H
#define ACCS_HEADER_BLOCK_H

#include "accs.h"
#include "compat.h"

/*
 * A list for CURLOPT_HTTPHEADER. Its first entry is left empty (data is NULL)
 * for a line that changes from attempt to attempt and is not copied.
 *
 * headers  copied; a value of NULL makes libcurl leave that header out, an
 *          empty one is sent empty ("Name:" and "Name;" in libcurl's notation)
 * tail     headers that every request ends with; borrowed, must outlive the block
 *
 * The block is the caller's: free(), not curl_slist_free_all(). NULL without memory.
 */
struct curl_slist *accs_header_block_new(const accs_header *headers, size_t header_count,
                                         struct curl_slist *tail);

#endif
