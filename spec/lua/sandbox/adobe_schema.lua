-- Adobe's schema of the API as far as the data's spec needs it: definitions with their
-- properties and required lists. Reads the file's own layout, not YAML at large.
local adobe_schema = {}

--- Where the file should be: `ACCS_SCHEMA`, else beside the repository.
---@return string
function adobe_schema.path()
  return os.getenv("ACCS_SCHEMA") or "../shared/reference/accs-schema.yaml"
end

---@class spec.Definition
---@field required string[]
---@field properties table<string, { type?: string, ref?: string, list?: boolean }>

local function read_property(property, line)
  local kind = line:match("^        type: (%a+)")
  if kind ~= nil then
    property.type = kind
  end
  property.ref = line:match('^        "%$ref": "#/definitions/(.-)"')
    or line:match('^          "%$ref": "#/definitions/(.-)"') or property.ref
end

--- The definitions by name; nil when the file is absent.
---@param path string
---@return table<string, spec.Definition>?
function adobe_schema.read(path)
  local file = io.open(path)
  if file == nil then
    return nil
  end
  local definitions, current, section, property = {}, nil, nil, nil
  for line in file:lines() do
    local top, name = line:match("^(%a+):"), line:match("^  ([%w-]+):$")
    if top ~= nil and next(definitions) ~= nil then
      break
    elseif name ~= nil then
      current = { required = {}, properties = {} }
      definitions[name], section = current, nil
    elseif line:match("^    %a") then
      section = line:match("^    (%a+):")
    elseif section == "required" then
      table.insert(current.required, line:match("^    %- (%S+)$"))
    elseif section == "properties" then
      local new = line:match("^      ([%w_]+):$")
      if new ~= nil then
        property = {}
        current.properties[new] = property
      elseif property ~= nil then
        read_property(property, line)
      end
    end
  end
  file:close()
  return definitions
end

--- A JSON text as a tree, read by SQLite: { type =, value =, members = {} }.
---@param db accs.sandbox.Database
---@param json string
---@return table
function adobe_schema.tree(db, json)
  local nodes, root = {}, nil
  for id, parent, key, kind, value in db:rows(
    "SELECT id, parent, key, type, atom FROM json_tree(?)", json) do
    local node = { type = kind, value = value, members = {} }
    nodes[id] = node
    if parent == nil then
      root = node
    else
      local above = nodes[parent]
      above.members[key] = node
    end
  end
  return root
end

local TYPES = {
  integer = { integer = true },
  number = { integer = true, real = true },
  string = { text = true },
  boolean = { ["true"] = true, ["false"] = true },
  array = { array = true },
}

-- A custom attribute's value is declared a string but may be a list (category_ids).
local MIXED = { ["framework-attribute-interface"] = true }

--- Compares a tree with a definition, nested ones too.
---@param definitions table<string, spec.Definition>
---@param name string  of the definition
---@param node table
---@param faults table<string, true>  what is wrong, added to
function adobe_schema.check(definitions, name, node, faults)
  local definition = assert(definitions[name], name)
  for _, required in ipairs(definition.required) do
    if node.members[required] == nil then
      faults[name .. "." .. required .. " is missing"] = true
    end
  end
  for key, member in pairs(node.members) do
    local property = definition.properties[key]
    local wanted = property and (property.type and TYPES[property.type]
      or property.ref and { object = true })
    if property == nil then
      faults[name .. "." .. key .. " is not in the schema"] = true
    elseif member.type == "null" then
      local found = false
      for _, required in ipairs(definition.required) do
        found = found or required == key
      end
      faults[name .. "." .. key .. " is null"] = not found or nil
    elseif wanted and not wanted[member.type] and not MIXED[name] then
      faults[("%s.%s is %s, not %s"):format(name, key, member.type,
        property.type or "object")] = true
    elseif property.ref and property.type == "array" then
      for _, element in pairs(member.members) do
        adobe_schema.check(definitions, property.ref, element, faults)
      end
    elseif property.ref then
      adobe_schema.check(definitions, property.ref, member, faults)
    end
  end
end

return adobe_schema
