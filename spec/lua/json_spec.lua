local cjson = require "cjson"
local json = require "accs.json"
local support = require "spec.support"

local CASES = "spec/core/json_cases.txt"

-- Undoes the %XX of the written cases.
local function plain(text)
  if text == "%%" then
    return ""
  end
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- Verdict, document and expected document of each written case.
local function each_case()
  local lines = io.lines(CASES)
  return function()
    for line in lines do
      local verdict, document, written = line:match("^(%a+) (%S+) ?(%S*)$")
      if verdict then
        return verdict, plain(document), plain(written)
      end
    end
  end
end

-- Whether two values are the same: kind of number, sign of zero and kind of table too.
local function same(left, right)
  if type(left) ~= "table" or type(right) ~= "table" then
    return left == right and math.type(left) == math.type(right)
      and (left ~= 0 or math.type(left) == "integer" or 1 / left == 1 / right)
  end
  if getmetatable(left) ~= getmetatable(right) then
    return false
  end
  for key, value in pairs(left) do
    if not same(value, right[key]) then
      return false
    end
  end
  for key in pairs(right) do
    if left[key] == nil then
      return false
    end
  end
  return true
end

-- Whether lua-cjson means the same. Debian's has floats alone (so 2^53 + 1 is rounded) and does
-- not mark lists.
local function agrees(left, right)
  if type(left) == "number" and type(right) == "number" then
    return left + 0.0 == right + 0.0
  elseif type(left) ~= "table" or type(right) ~= "table" then
    return left == right
  end
  for key, value in pairs(left) do
    if not agrees(value, right[key]) then
      return false
    end
  end
  for key in pairs(right) do
    if left[key] == nil then
      return false
    end
  end
  return true
end

-- A page as Commerce sends it.
local function page(count)
  local rows = {}
  for index = 1, count do
    rows[index] = ('{"entity_id":%d,"increment_id":"%09d","base_grand_total":%d.39,'
      .. '"discount":-0.5,"customer_email":"c%d@example.com","name":"Z\\u00fcrich \\/ \\"%d\\"",'
      .. '"remote_ip":null,"is_virtual":0,"items":[{"sku":"24-MB01","qty":1,"price":34,'
      .. '"options":[]}],"address":{"street":["a","b"],"extension_attributes":{}}}')
      :format(9007199254740993 + index, index, index, index, index)
  end
  return '{"items":[' .. table.concat(rows, ",") .. '],"search_criteria":{"filter_groups":[]},'
    .. '"total_count":' .. count .. "}"
end

-- Runs a Lua text in a process of its own; returns what it printed.
local function run_lua(text, environment)
  local result = support.run({ "lua5.4", "-e", text, env = environment })
  assert.equal("", result.err)
  assert.equal(0, result.code)
  return result.out
end

describe("writing objects", function()
  it("puts the members in the order of their names: equal values are equal texts", function()
    local value, names = {}, {}
    for index = 1, 300 do
      names[index] = ("n%03d"):format(index)
      value[names[index]] = index % 3 == 0 and { b = 1, a = { d = true, c = 2 } } or index
    end
    local parts = {}
    for index, name in ipairs(names) do
      parts[index] = ('"%s":%s'):format(name,
        index % 3 == 0 and '{"a":{"c":2,"d":true},"b":1}' or index)
    end
    assert.equal("{" .. table.concat(parts, ",") .. "}", json.encode(value))
    assert.equal('{"":0,"a":1,"a\\u0000":2,"a\\u0000b":3,"ab":4,"b":5,"\u{e4}":6}', json.encode {
      ["\u{e4}"] = 6, b = 5, ab = 4, ["a\0b"] = 3, ["a\0"] = 2, a = 1, [""] = 0 })
  end)
end)

describe("reading JSON", function()
  it("agrees with every written case", function()
    local count = 0
    for verdict, document, written in each_case() do
      local value, message = json.decode(document)
      if verdict == "accept" then
        assert.is_nil(message, document)
        assert.is_true(same(value, (json.decode(written))), document)
      else
        assert.is_nil(value, document)
        assert.equal("string", type(message), document)
        assert.is_nil(message:find("\n"), message)
      end
      count = count + 1
    end
    assert.is_true(count >= 400)
  end)

  it("agrees with lua-cjson on what both take", function()
    local compared = 0
    for verdict, document in each_case() do
      if verdict == "accept" then
        local understood, value = pcall(cjson.decode, document)
        if understood then
          assert.is_true(agrees(json.decode(document), value), document)
          compared = compared + 1
        end
      end
    end
    assert.is_true(compared >= 200)
    assert.is_true(agrees(json.decode(page(50)), cjson.decode(page(50))))
  end)

  it("keeps integers integers, up to 64 bit", function()
    for _, text in ipairs { "0", "5", "-5", "9007199254740993", "9223372036854775807",
      "-9223372036854775808", "123456789012345678" } do
      local value = json.decode(text)
      assert.equal("integer", math.type(value))
      assert.equal(text, tostring(value))
      assert.equal("/V1/orders/" .. text, "/V1/orders/" .. value)
    end
  end)

  it("makes floats of everything else", function()
    for _, text in ipairs { "5.0", "1e2", "-0", "9223372036854775808" } do
      assert.equal("float", math.type((json.decode(text))))
    end
    assert.equal(-math.huge, 1 / json.decode("-0"))
  end)

  it("gives integers beyond 64 bit as text when told so", function()
    local text = "[12345678901234567890,9223372036854775807,1e30,-9223372036854775809]"
    local list = json.decode(text, { big_integers = "text" })
    assert.equal("12345678901234567890", list[1])
    assert.equal(math.maxinteger, list[2])
    assert.equal(1e30, list[3])
    assert.equal("-9223372036854775809", list[4])
    assert.equal(12345678901234567890, json.decode(text, { big_integers = "float" })[1])
  end)

  it("takes the last of equal keys", function()
    assert.equal(3, json.decode('{"a":1,"b":2,"a":3}').a)
  end)

  it("makes null the null of lua-cjson", function()
    assert.equal(cjson.null, json.null)
    assert.equal(cjson.null, json.decode("null"))
    assert.equal(cjson.null, json.decode('{"a":[null]}').a[1])
    assert.equal("[null]", cjson.encode({ json.null }))
  end)

  it("says what is wrong and where, and nothing of the text", function()
    local _, message = json.decode('{"token":"SECRET","b":SECRET}')
    assert.equal("a value is missing at byte 22", message)
    assert.equal("empty", select(2, json.decode("")))
    assert.equal("the document breaks off at byte 7", select(2, json.decode('{"a":[1')))
  end)

  it("stops at 512 levels", function()
    local deep = ("["):rep(512) .. ("]"):rep(512)
    assert.equal(deep, json.encode(json.decode(deep)))
    local value, message = json.decode("[" .. deep .. "]")
    assert.is_nil(value)
    assert.matches("deeper nesting", message)
    local objects = ('{"a":'):rep(512) .. "1" .. ("}"):rep(512)
    assert.equal(objects, json.encode(json.decode(objects)))
  end)

  it("does not mix up neighbours of different sizes", function()
    local text = '[{"a":1,"b":2,"c":3},{},{"d":4},[1,2,3,4,5],[],[6],{"e":[]},[{}],[[7]]]'
    local list = json.decode(text)
    assert.same({ "a", "b", "c" }, (function(keys)
      for key in pairs(list[1]) do
        keys[#keys + 1] = key
      end
      table.sort(keys)
      return keys
    end)({}))
    assert.is_nil(next(list[2]))
    assert.equal(4, list[3].d)
    assert.equal(5, #list[4])
    assert.equal(0, #list[5])
    assert.equal(1, #list[6])
    assert.equal(7, list[9][1][1])
  end)

  it("refuses mistakes of the program", function()
    assert.error_matches(function() json.decode(5) end, "text must be a string, got number")
    assert.error_matches(function() json.decode("1", { big_integer = "text" }) end, "unknown")
    assert.error_matches(function() json.decode("1", { big_integers = 1 }) end, '"float" or')
  end)

  it("goes on after garbage was collected in the middle", function()
    local mode = collectgarbage("generational") -- which collects all the time
    for _ = 1, 20 do
      assert.equal(300, #json.decode(page(300)).items)
    end
    collectgarbage(mode)
  end)
end)

describe("writing JSON", function()
  it("returns ids and shapes byte by byte", function()
    for _, text in ipairs { "[]", "{}", '{"a":[]}', '{"a":{}}', "[[],{},[[]],[{}]]", "[null]",
      '[9007199254740993,9223372036854775807,"9","",1.5,5.0,-0.0,1e300,true,false]',
      '{"items":[{"id":123456789012345678},{"list":[]},{"map":{}}]}',
      '"\\"\\\\\\n\\u0001/ü"' } do
      assert.equal(text, json.encode(json.decode(text)))
    end
  end)

  it("keeps a page as it was", function()
    local value = json.decode(page(30))
    assert.is_true(same(value, json.decode(json.encode(value))))
  end)

  it("agrees with lua-cjson about what it writes", function()
    local value = json.decode(page(3))
    assert.is_true(agrees(value, cjson.decode(json.encode(value))))
  end)

  it("knows numbers apart", function()
    assert.equal("5", json.encode(5))
    assert.equal("5.0", json.encode(5.0))
    assert.equal("123456789012345", json.encode(123456789012345))
    assert.equal("-9223372036854775808", json.encode(math.mininteger))
    assert.equal("0.1", json.encode(0.1))
    assert.equal("0.30000000000000004", json.encode(0.1 + 0.2))
    assert.equal("34.95", json.encode(34.95))
  end)

  it("takes a table for a list when it is marked or has the keys 1 to n", function()
    assert.equal("{}", json.encode({}))
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[]", json.encode(json.array({})))
    assert.equal("[1,2]", json.encode({ 1, 2 }))
    assert.equal('{"a":[]}', json.encode({ a = json.array() }))
    local list = json.decode("[1,2]")
    list[2], list[1] = nil, nil
    assert.equal("[]", json.encode(list))
    local same_list = { 1 }
    assert.equal(same_list, json.array(same_list))
  end)

  it("refuses what it cannot mark", function()
    assert.error_matches(function() json.array(1) end, "list must be a table, got number")
    assert.error_matches(function() json.array(setmetatable({}, {})) end, "metatable of another")
  end)

  it("asks no metamethod", function()
    local proxy = setmetatable({ a = 1 }, {
      __index = error, __pairs = error, __len = error, __tostring = error, __name = "x",
    })
    assert.equal('{"a":1}', json.encode(proxy))
  end)

  it("names the place of what has no form", function()
    local cycle = {}
    cycle.self = { cycle }
    local deep = {}
    for _ = 1, 600 do
      deep = { deep }
    end
    local cases = {
      { nil, "^at the top: nil" },
      { print, "^at the top: a function" },
      { { items = { 1, 2, { price = print } } }, "^at items%[3%]%.price: a function" },
      { { a = { b = { [1] = { c = 0 / 0 } } } }, "^at a%.b%[1%]%.c: not a number" },
      { { a = 1 / 0 }, "^at a: an infinite number" },
      { { a = -1 / 0 }, "^at a: an infinite number" },
      { { a = "caf\xe9" }, "^at a: text that is not UTF%-8" },
      { { ["caf\xe9"] = 1 }, '^at %["caf%?"%]: text that is not UTF%-8' },
      { { ["two words"] = print }, '^at %["two words"%]: a function' },
      { { ["a\nb"] = print }, '^at %["a%?b"%]: a function' },
      { { [""] = print }, '^at %[""%]: a function' },
      { { ["9a"] = print }, '^at %["9a"%]: a function' },
      { { [("k"):rep(60)] = print }, '^at %["k+%.%.%."%]: a function' },
      { { a = coroutine.create(print) }, "^at a: a userdata or thread" },
      { { a = io.stdout }, "^at a: a userdata or thread" },
      { { x = { 1, nil, 3 } }, "^at x: a list with holes" },
      { { x = { [2] = 1 } }, "^at x: a list with holes" },
      { { x = { [0] = 1 } }, "^at x: a list with a key below 1" },
      { { x = { [-1] = 1 } }, "^at x: a list with a key below 1" },
      { { x = { [1.5] = 1 } }, "^at x: a list with a key that is no whole number" },
      { { x = { 1, 2, a = 1 } }, "^at x: a list that has text keys too" },
      { { x = { [true] = 1 } }, "^at x: a list with a key that is no whole number" },
      { { x = json.array({ a = 1 }) }, "^at x: a list that has text keys too" },
      { cycle, "^at self%[1%]: a table that contains itself" },
      { deep, "^at %[1%]%[1%].*%.%.%.: tables nested too deep" },
    }
    for index, case in ipairs(cases) do
      local text, message = json.encode(case[1])
      assert.is_nil(text, "case " .. index)
      assert.matches(case[2], message)
      assert.is_nil(message:find("\n"))
    end
  end)

  it("refuses a table with text keys and others, whichever comes first", function()
    for _, odd in ipairs { 1, -7, 1.5, true } do
      for count = 1, 20 do -- the order of keys differs with the size
        local mixed = { [odd] = "odd" }
        for index = 1, count do
          mixed["key" .. index] = index
        end
        local text, message = json.encode({ x = mixed })
        assert.is_nil(text)
        assert.matches("^at x: an?", message)
      end
    end
  end)

  it("writes one table that stands in two places", function()
    local shared = { 1 }
    assert.equal("[[1],[1]]", json.encode({ shared, shared }))
  end)
end)

describe("lists and other versions of lua-cjson", function()
  -- What newer versions have, and Debian's 2.1.0 has not. %s: fields of the stand-in.
  local NEWER = [[
    local real = require "cjson"
    local newer = { null = real.null, %s }
    package.loaded["cjson"] = newer
    local json = require "accs.json"
  ]]
  local ALL = "array_mt = {}, empty_array_mt = {}, "
    .. "empty_array = debug.upvalueid(function() return real end, 1)"

  it("carry array_mt where there is one", function()
    assert.equal("true true true", run_lua(NEWER:format(ALL) .. [[
      io.write(tostring(getmetatable(json.decode("[]")) == newer.array_mt), " ",
        tostring(getmetatable(json.decode("[1]")) == newer.array_mt), " ",
        tostring(getmetatable(json.array()) == newer.array_mt))
    ]]))
  end)

  it("carry empty_array_mt, when empty, where that is all there is", function()
    assert.equal("true false", run_lua(NEWER:format("empty_array_mt = {}") .. [[
      io.write(tostring(getmetatable(json.decode("[]")) == newer.empty_array_mt), " ",
        tostring(getmetatable(json.decode("[1]")) == newer.empty_array_mt))
    ]]))
  end)

  it("are written as lists with any of the marks", function()
    assert.equal('[] [] {"a":1} [] [] {"a":[]}', run_lua(NEWER:format(ALL) .. [[
      local function mark(list, metatable) return json.encode(setmetatable(list, metatable)) end
      io.write(mark({}, newer.array_mt), " ", mark({}, newer.empty_array_mt), " ",
        mark({ a = 1 }, newer.empty_array_mt), " ", json.encode(json.decode("[]")), " ",
        json.encode(json.array(setmetatable({}, newer.empty_array_mt))), " ",
        json.encode({ a = newer.empty_array }))
    ]]))
  end)

  it("carry a metatable of our own with an old one", function()
    assert.equal("accs.json.array", getmetatable(json.decode("[]")).__name)
    assert.equal(getmetatable(json.decode("[]")), getmetatable(json.decode("[1]")))
    assert.equal(getmetatable(json.decode("[]")), getmetatable(json.array()))
    assert.is_nil(getmetatable(json.decode("{}")))
  end)
end)

describe("a locale whose numbers have a comma", function()
  it("changes nothing, set after the module was loaded", function()
    local folder <close> = support.temp_dir()
    assert.is_true(os.execute("spec/support/comma_locale.sh " .. support.quote(folder.path)))
    assert.equal("xx_XX 1,5 [1.5,1e-7,0.1] 2.5 1e23", run_lua([[
      local json = require "accs.json"
      io.write(os.setlocale("xx_XX", "numeric"), " ", 1.5, " ", json.encode({ 1.5, 1e-7, 0.1 }),
        " ", json.encode(json.decode("2.5")), " ", json.encode(json.decode("1e23")))
    ]], { LOCPATH = folder.path }))
  end)
end)
