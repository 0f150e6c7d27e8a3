--- accs: client for Adobe Commerce as a Cloud Service. Assembly only: see the modules.
---
---     local accs = require "accs"
---     local client <close> = accs.client {} -- from the environment or .env
---     for order in client:items("/V1/orders", accs.search():where("status", "eq", "pending")) do
---       print(order.increment_id)
---     end
local core = require "accs.core"
local client = require "accs.client"
local group = require "accs.group"
local json = require "accs.json"
local message = require "accs.message"
local pages = require "accs.pages"
local search = require "accs.search"
local tasks = require "accs.tasks"

client.class.items = pages.items
client.class.pages = pages.pages
client.explain = message.explain
client.classify = message.classify

return {
  version = core.version,
  null = core.null,
  json = json,
  client = client.new,
  search = search.new,
  spawn = tasks.spawn,
  sleep = tasks.sleep,
  engine = tasks.engine,
  all = group.all,
  map = group.map,
}
