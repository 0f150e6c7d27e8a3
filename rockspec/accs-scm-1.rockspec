rockspec_format = "3.0"
package = "accs"
version = "scm-1"
source = {
  url = "git+https://example.com/accs.git",
}
description = {
  summary = "Client for Adobe Commerce as a Cloud Service: library, command line, reports",
  detailed = [[
A Lua module with a C core over libcurl and OpenSSL: tokens, retries, throttling and JSON are its
work; scripts say what to fetch and what to report.]],
  license = "MIT",
  labels = { "http", "commerce", "rest", "report" },
}
dependencies = {
  "lua >= 5.4, < 5.5",
  "lua-cjson >= 2.1.0",
  "argparse >= 0.7.0",
}
-- By library only: where headers lie in a multiarch folder, LuaRocks does not look for them there.
external_dependencies = {
  CURL = { library = "curl" },
  CRYPTO = { library = "crypto" },
  ZLIB = { library = "z" },
}
build = {
  type = "builtin", -- copies the whole lua/ folder as well
  modules = {
    ["accs.core"] = {
      sources = {
        "csrc/core/access_token.c",
        "csrc/core/answer.c",
        "csrc/core/ask.c",
        "csrc/core/attempt.c",
        "csrc/core/auth.c",
        "csrc/core/base64url.c",
        "csrc/core/budget.c",
        "csrc/core/buffer.c",
        "csrc/core/call.c",
        "csrc/core/call_end.c",
        "csrc/core/call_events.c",
        "csrc/core/client.c",
        "csrc/core/clock.c",
        "csrc/core/connection.c",
        "csrc/core/credentials.c",
        "csrc/core/ending.c",
        "csrc/core/engine.c",
        "csrc/core/engines.c",
        "csrc/core/error.c",
        "csrc/core/event.c",
        "csrc/core/file.c",
        "csrc/core/fork_mark.c",
        "csrc/core/header_block.c",
        "csrc/core/histogram.c",
        "csrc/core/http_date.c",
        "csrc/core/identity.c",
        "csrc/core/idle.c",
        "csrc/core/inflate.c",
        "csrc/core/json_number.c",
        "csrc/core/json_reader.c",
        "csrc/core/json_text.c",
        "csrc/core/json_writer.c",
        "csrc/core/jwt.c",
        "csrc/core/jwt_claims.c",
        "csrc/core/jwt_keys.c",
        "csrc/core/jwt_object.c",
        "csrc/core/lane.c",
        "csrc/core/library.c",
        "csrc/core/measure.c",
        "csrc/core/outgoing.c",
        "csrc/core/pipe_guard.c",
        "csrc/core/poller.c",
        "csrc/core/pool.c",
        "csrc/core/proxy.c",
        "csrc/core/redact.c",
        "csrc/core/reply.c",
        "csrc/core/retry.c",
        "csrc/core/retry_after.c",
        "csrc/core/seal.c",
        "csrc/core/secret.c",
        "csrc/core/sleep.c",
        "csrc/core/sockets.c",
        "csrc/core/stats.c",
        "csrc/core/stream.c",
        "csrc/core/throttle.c",
        "csrc/core/timers.c",
        "csrc/core/token.c",
        "csrc/core/token_record.c",
        "csrc/core/token_reply.c",
        "csrc/core/token_window.c",
        "csrc/core/transfer.c",
        "csrc/core/trust.c",
        "csrc/core/upload.c",
        "csrc/core/url.c",
        "csrc/core/verdict.c",
        "csrc/core/works.c",
        "csrc/lua/auth.c",
        "csrc/lua/client.c",
        "csrc/lua/engine.c",
        "csrc/lua/fields.c",
        "csrc/lua/hook.c",
        "csrc/lua/module.c",
        "csrc/lua/observe.c",
        "csrc/lua/options.c",
        "csrc/lua/policy.c",
        "csrc/lua/reply.c",
        "csrc/lua/value.c",
        "csrc/lua/value_encode.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "crypto", "z", "pthread" },
    },
  },
  install = {
    bin = {
      accs = "lua/bin/accs",
    },
  },
}
test = {
  type = "command",
  command = "make check",
}
