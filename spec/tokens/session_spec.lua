-- A person's session, whose refresh token is another after each use: two processes that refresh it
-- at once do not lose it, and neither does one that dies anywhere. `make herd` kills 400 of them.
local accs = require "accs"
local herd = require "spec.tokens.herd"
local support = require "spec.support"

local browse = require("spec.support.sign_in").browse

local KILLS = herd.full and 200 or 5
local REFRESH = "POST /ims/token/v3 refresh_token"

local function sandbox(...)
  return support.sandbox { products = 2, orders = 2, customers = 2,
    args = { "--as", "web", "--fault", "POST /ims/token/v3:delay=0.02", ... } }
end

-- Signs in; what a process needs to find the session.
local function sign_in(box, folder)
  local credential = box:credentials().web
  local flow = accs.oauth.authorization {
    kind = "web", client_id = credential.client_id, client_secret = credential.client_secret,
    redirect_uri = credential.redirect_uri, ims_url = box.env.IMS_URL, dotenv = false,
    cache = folder, offline_access = true, engine = accs.engine { max_connections = 1 },
  }
  assert(flow:exchange(browse(flow.url))):close()
  return { IMS_CLIENT_ID = credential.client_id, IMS_CLIENT_SECRET = credential.client_secret,
    IMS_URL = box.env.IMS_URL, CACHE = folder }
end

-- What a process of its own makes of the session.
local function try(what, env)
  local one <close> = herd.start(1, { what, 1 }, env)
  one:go()
  return assert(one:next())
end

local function refresh(env)
  return try("refresh", env)
end

-- Kills a process that refreshes and refreshes, anywhere.
local function kill_one(env)
  local one <close> = herd.start(1, { "refresh", 1000000 }, env)
  one:go()
  os.execute(("sleep %.4f"):format(math.random() * 0.25))
  one:signal(one.pids[1], "KILL")
end

describe("a session", function()
  -- With a life of a day one takes over what the other got; with one of a second each has to ask.
  for _, life in ipairs { 86399, 1 } do
    for _, count in ipairs(herd.full and { 2, 8 } or { 2 }) do
      it(("is not lost by %d processes that refresh it at once, tokens live %d s"):format(count,
        life), function()
        local box <close> = sandbox("--token-life", tostring(life))
        local dir <close> = support.temp_dir()
        local env = sign_in(box, dir.path .. "/cache")
        local all <close> = herd.start(count, { "refresh", 20 }, env)
        all:go()
        local sum = all:finish()
        assert.equal("", table.concat(sum.failed, "\n"))
        assert.equal(count, sum.count)
        assert.is_true(box:count(REFRESH, 200) >= 20)
        assert.equal(0, box:count(REFRESH, 400)) -- that an old one came again revokes all
        assert.is_true(refresh(env).ok)
      end)
    end
  end

  it("outlives processes killed anywhere, where IMS takes the old refresh token for a while",
    function()
      local box <close> = sandbox("--refresh-grace", "60")
      local dir <close> = support.temp_dir()
      local env = sign_in(box, dir.path .. "/cache")
      for _ = 1, KILLS do
        kill_one(env)
        local one = refresh(env)
        assert(one.ok, one.words)
        assert.equal(0, one.cache, one.words)
      end
      local done = box:count(REFRESH, 200)
      if herd.full then
        io.stderr:write(("# %d killed among %d refreshes, none lost\n"):format(KILLS, done))
      end
      assert.is_true(done > 2 * KILLS, "too few refreshes to have killed any")
    end)

  it("outlives them elsewhere too, or says that one has to sign in again, and keeps its record",
    function()
      local box <close> = sandbox()
      local dir <close> = support.temp_dir()
      local folder = dir.path .. "/cache"
      local env = sign_in(box, folder)
      local lost = 0
      for _ = 1, KILLS do
        kill_one(env)
        local one = refresh(env)
        if not one.ok then
          lost = lost + 1
          assert.matches("^accs: auth: .*sign in again", one.words)
          local again = refresh(env)
          assert.is_false(again.ok)
          assert.matches("^accs: auth: .*sign in again", again.words)
          assert.is_true(try("look", env).ok, "the record was not kept")
          sign_in(box, folder)
          assert(refresh(env).ok)
        end
      end
      if herd.full then
        io.stderr:write(("# %d killed among %d refreshes, %d sessions lost\n"):format(KILLS,
          box:count(REFRESH, 200), lost))
      end
    end)
end)
