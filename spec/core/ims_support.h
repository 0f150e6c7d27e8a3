/* An IMS of a test: a process on a loopback port that answers from a script and notes each request.
 */
#ifndef IMS_SUPPORT_H
#define IMS_SUPPORT_H

#include "engine_support.h"

#include <signal.h>
#include <sys/mman.h>

enum { IMS_REQUESTS_MAX = 64, IMS_TEXT_MAX = 4096, IMS_ANSWERS_MAX = 24 };

/* What the test and its server share. The last answer is repeated. */
typedef struct ims_scene {
    volatile int requests; /* that came */
    char texts[IMS_REQUESTS_MAX][IMS_TEXT_MAX];
    int answer_count;
    char answers[IMS_ANSWERS_MAX][IMS_TEXT_MAX];
    int delay_ms; /* before each answer */
} ims_scene;

typedef struct ims_server {
    ims_scene *scene;
    pid_t pid;
    int listening;
    char origin[64];
} ims_server;

/* Whether text holds a whole request. */
static inline bool ims_whole(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length:");
    size_t head_len;

    if (end == NULL)
        return false;
    head_len = (size_t)(end - text) + 4;
    return length == NULL || length > end ||
           len - head_len >= (size_t)strtol(length + 17, NULL, 10);
}

static inline void ims_serve_connection(ims_scene *scene, int fd)
{
    for (;;) {
        char text[IMS_TEXT_MAX] = "";
        size_t len = 0;
        int number;
        int answer;

        while (!ims_whole(text, len)) {
            ssize_t got = read(fd, text + len, sizeof text - 1 - len);

            if (got <= 0)
                _exit(0);
            len += (size_t)got;
            text[len] = '\0';
        }
        number = __atomic_fetch_add(&scene->requests, 1, __ATOMIC_SEQ_CST);
        if (number < IMS_REQUESTS_MAX)
            memcpy(scene->texts[number], text, len + 1);
        answer = number < scene->answer_count ? number : scene->answer_count - 1;
        rest_ms(scene->delay_ms);
        if (answer < 0 || scene->answers[answer][0] == '\0') /* as one that breaks down */
            _exit(0);
        if (write(fd, scene->answers[answer], strlen(scene->answers[answer])) < 0)
            _exit(0);
    }
}

static inline void ims_start(ims_server *server)
{
    uint16_t port;

    signal(SIGPIPE, SIG_IGN);
    server->scene = mmap(NULL, sizeof *server->scene, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(server->scene != MAP_FAILED);
    server->listening = open_port(&port);
    snprintf(server->origin, sizeof server->origin, "http://127.0.0.1:%u", port);
    server->pid = fork();
    assert_true(server->pid >= 0);
    setpgid(server->pid, 0); /* with its connections, some of which sleep */
    if (server->pid != 0)
        return;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(server->listening, NULL, NULL);

        if (fd < 0)
            continue;
        if (fork() == 0)
            ims_serve_connection(server->scene, fd);
        close(fd);
    }
}

static inline void ims_stop(ims_server *server)
{
    kill(-server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    close(server->listening);
    munmap(server->scene, sizeof *server->scene);
}

/* Adds an answer to the script. extra: further header lines, each with its CRLF. */
static inline void ims_answer(ims_server *server, int status, const char *extra, const char *body)
{
    ims_scene *scene = server->scene;

    assert_true(scene->answer_count < IMS_ANSWERS_MAX);
    snprintf(scene->answers[scene->answer_count++], IMS_TEXT_MAX,
             "HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
             status, extra, strlen(body), body);
}

/* From here on the script is another one. */
static inline void ims_restart(ims_server *server)
{
    server->scene->answer_count = 0;
    server->scene->requests = 0;
}

static inline bool ims_got(const ims_server *server, int number, const char *text)
{
    return strstr(server->scene->texts[number], text) != NULL;
}

/* Options for credentials at that server. */
static inline accs_client_options ims_options(const ims_server *server)
{
    return (accs_client_options){
        .ims_url = server->origin,
        .client_id = "example",
        .client_secret = "example-not-a-secret",
        .timeout_ms = PATIENCE_MS,
        .events = true,
    };
}

static inline accs_auth *new_auth(accs_engine *engine, const accs_client_options *options)
{
    accs_auth *auth = NULL;
    accs_failure failure = {.code = ACCS_OK};

    if (accs_auth_new(engine, options, &auth, &failure) != ACCS_OK)
        fail_msg("%s", failure.text);
    return auth;
}

/* All events since the last look, as "text (reason) secret;". */
typedef struct ims_story {
    char text[2048];
} ims_story;

/* The next item that is no event; events are told. story may be NULL. */
static inline accs_item next_but_events(accs_engine *engine, ims_story *story)
{
    for (;;) {
        accs_item item = next_item(engine);
        size_t len;

        if (item.kind != ACCS_ITEM_EVENT)
            return item;
        if (story == NULL ||
            (item.event.kind != ACCS_EVENT_TOKEN && item.event.kind != ACCS_EVENT_CACHE))
            continue;
        len = strlen(story->text);
        snprintf(story->text + len, sizeof story->text - len, "%s%s%s%s%s %u;",
                 item.event.kind == ACCS_EVENT_CACHE ? "cache: " : "", item.event.text,
                 item.event.reason[0] != '\0' ? " (" : "", item.event.reason,
                 item.event.reason[0] != '\0' ? ")" : "", item.event.secret);
    }
}

/* Does a job to its end and gives its failure; the reply, if any, is freed unless asked for. */
static inline accs_failure do_job(accs_engine *engine, accs_auth *auth, accs_auth_job job,
                                  accs_reply **reply, ims_story *story)
{
    uint64_t id = 0;
    accs_item item;

    assert_int_equal(accs_auth_start(auth, job, 0, &id, NULL), ACCS_OK);
    item = next_but_events(engine, story);
    assert_int_equal(item.kind, ACCS_ITEM_DONE);
    assert_true(item.id == id);
    if (reply != NULL)
        *reply = item.reply;
    else
        accs_reply_free(item.reply);
    return item.failure;
}

static inline void assert_token(const accs_auth *auth, const char *token)
{
    accs_text text = {NULL, 0};

    assert_true(accs_auth_read(auth, ACCS_AUTH_ACCESS_TOKEN, &text));
    assert_int_equal(text.len, strlen(token));
    assert_memory_equal(text.bytes, token, text.len);
}

/* -------------------------------------------------------------- sessions */

#define TOKEN(name) "{\"access_token\":\"" name "\",\"token_type\":\"bearer\",\"expires_in\":86399}"

#define SESSION(access, refresh)                                                                   \
    "{\"access_token\":\"" access "\",\"token_type\":\"bearer\",\"expires_in\":86399,"             \
    "\"refresh_token\":\"" refresh "\",\"id_token\":\"not-an-id\"}"

#define OVER "{\"error\":\"invalid_grant\"}"

static inline accs_client_options user_options(const ims_server *server)
{
    return (accs_client_options){
        .ims_url = server->origin,
        .client_id = "example",
        .timeout_ms = PATIENCE_MS,
        .events = true,
        .user = true,
    };
}

/* Where sessions are kept; removed with the test. */
static char folder[] = "/tmp/ims-test-XXXXXX";

static inline void make_folder(void)
{
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
}

static inline void remove_folder(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* A session in the folder, as another process left it: refresh token r-1, access token a-1. */
static inline void sign_in(ims_server *server, const accs_client_options *options)
{
    accs_engine *engine = new_engine();
    accs_client_options with_code = *options;
    accs_auth *auth;

    with_code.code = "not-a-code";
    auth = new_auth(engine, &with_code);
    ims_answer(server, 200, "", SESSION("a-1", "r-1"));
    assert_int_equal(do_job(engine, auth, ACCS_AUTH_TOKEN, NULL, NULL).code, ACCS_OK);
    accs_auth_free(auth);
    accs_engine_free(engine);
    ims_restart(server);
}

static inline int ims_set_up(void **state)
{
    static ims_server server; /* of the test that runs */

    without_proxies(NULL);
    ims_start(&server);
    *state = &server;
    return 0;
}

static inline int ims_tear_down(void **state)
{
    ims_stop(*state);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ims_set_up, ims_tear_down)

#endif
