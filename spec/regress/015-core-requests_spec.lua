-- Requests that libcurl would have made something else of.
local core = require "accs.core"
local fault = require "spec.support.fault"

describe("a read with a body", function()
  it("is refused by the core: libcurl sends a POST, past read_only", function()
    local server <close> = fault.start()
    server:script("/V1/x", { fault.ok })
    local engine <close> = core.engine {}
    local client <close> = core.client(engine, { base_url = server.env.API_ENDPOINT,
      access_token = "example", read_only = true })
    for _, method in ipairs { "GET", "HEAD" } do
      for _, body in ipairs { "{}", "" } do
        local id, failure = client:start { method = method, path = "/V1/x", body = body }
        assert.is_nil(id)
        assert.equal("config", failure.kind)
      end
    end
    assert.equal(0, server:connection_count())
  end)
end)

describe("a transfer coding", function()
  -- libcurl undoes gzip there by itself, unasked, and takes one that is cut for whole.
  it("other than chunked is an error, whole or cut", function()
    local server <close> = fault.start()
    local client <close> = server:client { access_token = "example", attempts = 1 }
    local packed = fault.gzip('{"items":[{"sku":"24-MB01"}],"total_count":1}')
    for _, bytes in ipairs { packed, packed:sub(1, -9), packed:sub(1, 20) } do
      local step = fault.send(fault.head("200 OK", "Content-Type: application/json",
        "Transfer-Encoding: gzip, chunked"), ("%x\r\n"):format(#bytes), bytes, "\r\n0\r\n\r\n")
      server:script("/V1/x", { { step } })
      fault.check("GET", { kind = "decode", count = 1 }, server:try(client, "GET", "/V1/x"))
      fault.check("POST", { kind = "decode", outcome = "done", count = 1 },
        server:try(client, "POST", "/V1/x"))
    end
  end)
end)
