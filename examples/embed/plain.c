/*
 * A program without Lua: one call through accs.h. The address and credentials
 * come from the environment, as they do for the command line.
 *
 * usage: plain PATH
 */
#include "accs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Waits for the call of that id; false, and the failure is set, when there is nothing to wait for.
 */
static bool wait_for(accs_engine *engine, uint64_t id, accs_item *item, accs_failure *failure)
{
    for (;;) {
        while (accs_engine_next(engine, item)) {
            if (item->kind == ACCS_ITEM_DONE && item->id == id)
                return true;
            accs_reply_free(item->reply); /* of another call; there is none here */
        }
        if (accs_engine_step(engine, -1, failure) != ACCS_OK)
            return false;
    }
}

static void show(const accs_reply *reply)
{
    const char *bytes;
    size_t bytes_len;

    accs_reply_body(reply, &bytes, &bytes_len);
    printf("%d, %zu bytes, %u attempts\n", accs_reply_status(reply), bytes_len,
           accs_reply_attempts(reply));
}

int main(int argc, char **argv)
{
    accs_client_options options = {
        .base_url = getenv("API_ENDPOINT"),
        .ims_url = getenv("IMS_URL"),
        .client_id = getenv("IMS_CLIENT_ID"),
        .client_secret = getenv("IMS_CLIENT_SECRET"),
        .org_id = getenv("IMS_ORG_ID"),
        .timeout_ms = 20000,
    };
    accs_request request = {.method = "GET", .idempotent = -1};
    accs_engine *engine = NULL;
    accs_client *client = NULL;
    accs_item item = {.kind = ACCS_ITEM_NONE};
    accs_failure failure = {.code = ACCS_OK};
    uint64_t id;

    request.path = argc == 2 ? argv[1] : "/V1/store/storeConfigs";
    request.path_len = strlen(request.path);
    if (accs_engine_new(NULL, &engine, &failure) != ACCS_OK ||
        accs_client_new(engine, &options, &client, &failure) != ACCS_OK ||
        accs_client_start(client, &request, &id, &failure) != ACCS_OK ||
        !wait_for(engine, id, &item, &failure))
        goto done;
    failure = item.failure;
    if (item.reply != NULL)
        show(item.reply);

done:
    if (failure.code != ACCS_OK)
        fprintf(stderr, "%s: %s\n", accs_error_name(failure.code), failure.text);
    accs_reply_free(item.reply);
    accs_client_free(client);
    accs_engine_free(engine);
    return failure.code == ACCS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
