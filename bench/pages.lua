-- All products, whole, in pages of 300, three columns of them to a CSV file: usage: pages.lua FILE
local accs = require "accs"

local client = accs.client {}
local file = assert(io.open(arg[1], "w"))
local function cell(value)
  local text = tostring(value)
  return text:find("[\",\r\n]") and "\"" .. text:gsub("\"", "\"\"") .. "\"" or text
end
for item in client:items("/V1/products", accs.search():page_size(300)) do
  file:write(cell(item.sku), ",", cell(item.name), ",", cell(item.price), "\n")
end
assert(file:close())
client:close()
