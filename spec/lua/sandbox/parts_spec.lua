-- The sandbox's own small readers, which share nothing with the client's.
local native = require "accs.sandbox.native"
local query = require "accs.sandbox.query"
local router = require "accs.sandbox.router"

describe("the sandbox's query reader", function()
  for _, case in ipairs {
    { "a=1&b=2", { a = "1", b = "2" } },
    { "a", { a = "" } },
    { "a=", { a = "" } },
    { "a=b=c", { a = "b=c" } },
    { "a=1&a=2", { a = "2" } },
    { "a%5Bx%5D=1&a[y]=2", { a = { x = "1", y = "2" } } },
    { "a[x][y]=1", { a = { x = { y = "1" } } } },
    { "a[]=1&a[]=2&a[7]=3&a[]=4", { a = { ["0"] = "1", ["1"] = "2", ["7"] = "3", ["8"] = "4" } } },
    { "a=1&a[x]=2", { a = { x = "2" } } },
    { "a=%2B+%26%3D", { a = "+ &=" } },
    { "a=%zz%4", { a = "%zz%4" } },
    { "&&a=1&", { a = "1" } },
    { "", {} },
  } do
    it(("reads %q"):format(case[1]), function()
      local function plain(node)
        local map = {}
        for name, value in pairs(node.values) do
          map[name] = type(value) == "table" and plain(value) or value
        end
        assert.equal(#node.names, (function()
          local count = 0
          for _ in pairs(map) do
            count = count + 1
          end
          return count
        end)())
        return map
      end
      assert.same(case[2], plain(query.parse(case[1])))
    end)
  end

  it("keeps the order of first appearance", function()
    assert.same({ "9", "b", "1" }, query.parse("x[9]=a&x[b]=c&x[1]=d&x[9]=e").values.x.names)
  end)
end)

describe("the sandbox's router", function()
  local routes

  setup(function()
    routes = router.new()
    for _, template in ipairs { "/V1/a", "/V1/a/{id}", "/V1/a/items", "/V1/a/{id}/b",
      "/V1/a/items/c" } do
      routes:add("GET", template, function() end)
    end
  end)

  for _, case in ipairs {
    { "/V1/a", "GET /V1/a" },
    { "/V1/a/", "GET /V1/a" },
    { "/V1/a/items", "GET /V1/a/items" },
    { "/V1/a/itemss", "GET /V1/a/{id}", "itemss" },
    { "/V1/a/items/b", "GET /V1/a/{id}/b", "items" },
    { "/V1/a/items/c", "GET /V1/a/items/c" },
    { "/V1/a/x%2Fy%2525+z", "GET /V1/a/{id}", "x/y%25 z" },
    { "/V1/a/%69tems", "GET /V1/a/{id}", "items" },
    { "/v1/a" }, { "/V1" }, { "/V1/a/1/2" }, { "/" }, { "" }, { "/V1//a" },
  } do
    it(("takes %q to %s"):format(case[1], case[2]), function()
      local route, values = routes:match("GET", case[1])
      assert.equal(case[2], route and route.name)
      assert.equal(case[3], values.id)
    end)
  end

  it("knows routes by method", function()
    assert.is_nil((routes:match("POST", "/V1/a")))
  end)
end)

describe("the sandbox's crypto", function()
  it("writes and reads base64url as RFC 4648 says", function()
    for text, encoded in pairs {
      [""] = "", f = "Zg", fo = "Zm8", foo = "Zm9v", foob = "Zm9vYg", fooba = "Zm9vYmE",
      foobar = "Zm9vYmFy", ["\255\254\253\0"] = "__79AA",
    } do
      assert.equal(encoded, native.crypto.base64url(text))
      assert.equal(text, native.crypto.from_base64url(encoded))
    end
    assert.is_nil(native.crypto.from_base64url("Zg=="))
    assert.is_nil(native.crypto.from_base64url("a+b/"))
  end)

  it("verifies what it signed and nothing else", function()
    local key <close> = native.crypto.key()
    local signature = key:sign("text")
    assert.equal(256, #signature)
    assert.is_true(key:verify("text", signature))
    assert.is_false(key:verify("texts", signature))
    assert.is_false(key:verify("text", signature:sub(1, -2) .. "\0\0"))
    assert.is_false(key:verify("text", ""))
    key:close()
    assert.has_error(function()
      key:sign("text")
    end, "the key is closed")
  end)
end)

describe("the sandbox's JSON splitter", function()
  local split = native.json.split

  for _, case in ipairs {
    { '{"a":1,"b":"x,]}","c":[1,{"d":"\\""}],"e":{}}', "object", { "a", "b", "c", "e" },
      { "1", '"x,]}"', '[1,{"d":"\\""}]', "{}" } },
    { ' { "a" : true , "b" : null } ', "object", { "a", "b" }, { "true", "null" } },
    { "{}", "object", {}, {} },
    { '[1,"a,b",[2,3],{"c":"]"}]', "array", { "1", '"a,b"', "[2,3]", '{"c":"]"}' } },
    { "[]", "array", {} },
    { '"[1]"', "scalar" }, { "12", "scalar" }, { "", "scalar" },
  } do
    it("takes apart " .. case[1], function()
      local kind, first, second = split(case[1])
      assert.equal(case[2], kind)
      assert.same(case[3], first)
      assert.same(case[4], second)
    end)
  end

  it("returns just the members that are wanted", function()
    local _, keys, values = split('{"a":1,"b":{"c":2},"d":3}', { b = true, x = true })
    assert.same({ "b" }, keys)
    assert.same({ '{"c":2}' }, values)
  end)

  it("ends on anything that is cut short", function()
    local text = '{"a":[1,{"b":"c\\"d"}],"e":{"f":null}}'
    for length = 0, #text do
      split(text:sub(1, length))
    end
  end)
end)
