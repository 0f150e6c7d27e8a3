-- A client whose key, or the password of its key, was wrong got its answers over a connection that
-- another client of the engine had made with the same certificate and the right key: libcurl takes
-- one out of the pool without a look at the key.
local accs = require "accs"
local support = require "spec.support"

describe("a client with another key", function()
  local box, front, path

  setup(function()
    box = support.sandbox { products = 1 }
    path = support.certificates().path
    front = support.nginx { port = box.port, server = "ssl_verify_client on; "
      .. "ssl_client_certificate " .. path .. "/ca.pem;" }
  end)

  teardown(function()
    front:close()
    box:close()
  end)

  local function new_client(engine, key, password, version)
    return box:client { base_url = front:address(box.env.API_ENDPOINT), engine = engine,
      ca_file = front.certificates.ca, client_cert = path .. "/client.pem",
      client_key = path .. "/" .. key, client_key_password = password, http_version = version }
  end

  local WRONG = { { "nothing.key" }, { "client-locked.key", "canary-password" } }
  for _, version in ipairs { "1.1", "2" } do
    for _, wrong in ipairs(WRONG) do
      it("does not use the connections of the one with the right key: HTTP/" .. version .. ", "
        .. wrong[1], function()
        local engine <close> = accs.engine {}
        local right <close> = new_client(engine, "client.key", nil, version)
        local other <close> = new_client(engine, wrong[1], wrong[2], version)
        for _ = 1, 3 do
          assert(right:get("/V1/store/storeConfigs"))
          local _, err = other:get("/V1/store/storeConfigs")
          assert.equal("config", err and err.kind)
          assert.equal("not_sent", err.outcome)
          assert.equal(0, err.attempts)
          assert.is_nil(tostring(err):find("canary", 1, true))
        end
        local _, err = other:post("/V1/products", { product = { sku = "x" } })
        assert.equal("config", err and err.kind)
      end)
    end
  end

  it("that is the same shares them", function()
    local engine <close> = accs.engine {}
    local opened = 0
    for index = 1, 3 do
      local client <close> = new_client(engine, "client.key")
      assert(client:get("/V1/store/storeConfigs"))
      opened = opened + client:stats().connections_opened
      assert.equal(1, opened, index)
    end
  end)
end)
