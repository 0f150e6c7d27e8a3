--- accs: client for Adobe Commerce as a Cloud Service. Assembly only: see the modules.
---
---     local accs = require "accs"
---     local client <close> = accs.client {} -- from the environment or .env
---     for order in client:items("/V1/orders", accs.search():where("status", "eq", "pending")) do
---       print(order.increment_id)
---     end
local core = require "accs.core"
local client = require "accs.client"
local engines = require "accs.engines"
local json = require "accs.json"
local message = require "accs.message"
local tasks = require "accs.tasks"
local waits = require "accs.waits"

-- A function of a module that is loaded when it is first called: a program that does not walk
-- through lists starts sooner.
local function later(module, name)
  return function(...)
    return require(module)[name](...)
  end
end

client.class.items = later("accs.pages", "items")
client.class.pages = later("accs.pages", "pages")
client.explain = message.explain
client.classify = message.classify

return {
  version = core.version,
  null = core.null,
  json = json,
  client = client.new,
  ---@type fun(): accs.Search
  search = later("accs.search", "new"),
  store = { redis = later("accs.store.redis", "new") },
  oauth = {
    authorization = later("accs.oauth", "authorization"),
    restore = later("accs.oauth", "restore"),
    session = later("accs.oauth", "session"),
  },
  spawn = tasks.spawn,
  sleep = waits.sleep,
  engine = engines.engine,
  log = later("accs.log", "new"),
  prometheus = later("accs.stats", "prometheus"),
  all = later("accs.group", "all"),
  map = later("accs.group", "map"),
}
