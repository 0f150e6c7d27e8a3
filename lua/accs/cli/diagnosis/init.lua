--- The checks of `accs doctor`, as a table: what each needs, and how it looks.
local errors = require "accs.error"
local service = require "accs.cli.diagnosis.service"
local settings = require "accs.cli.diagnosis.settings"
local way = require "accs.cli.diagnosis.way"

local diagnosis = {}

--- One line of the report.
---@class accs.cli.Finding
---@field status "ok"|"warn"|"fail"|"skip"
---@field check string  what was looked at
---@field detail string
---@field hint string|nil  the likely cause, and what to do
---@field kind accs.ErrorKind|nil  of a failure: decides the exit code

--- What the checks share.
---@class accs.cli.Diagnosis
---@field arguments table  as argparse read them
---@field findings accs.cli.Finding[]
---@field broken table<string, string>  what later checks cannot go without: name -> why
---@field values table<string, any>|nil  of the options
---@field sources table<string, accs.Source>|nil
---@field given table|nil  for accs.client
---@field auth accs.Auth|nil
---@field claims table|nil  of the access token
---@field events accs.Event[]
local Diagnosis = {}
Diagnosis.__index = Diagnosis

--- Notes what a check found; a failure breaks what needs the check.
---@param status "ok"|"warn"|"fail"|"skip"
---@param check string
---@param detail string
---@param hint? string
---@param kind? accs.ErrorKind  of a failure, default config
--- Example: `self:add("ok", "scopes", "commerce.accs")`
function Diagnosis:add(status, check, detail, hint, kind)
  if status == "fail" then
    self.broken[check] = self.broken[check] or check
  end
  self.findings[#self.findings + 1] = {
    status = status, check = check, detail = errors.clean(detail), hint = hint,
    kind = status == "fail" and (kind or "config") or nil,
  }
end

--- The checks in their order. One whose needs are broken is skipped.
diagnosis.list = {
  { name = "settings", needs = {}, look = settings.settings },
  { name = "credential", needs = { "settings" }, look = settings.credential },
  { name = "organisation", needs = { "settings" }, look = settings.organisation },
  { name = "tenant", needs = { "settings" }, look = settings.tenant },
  { name = "dns", needs = { "settings" }, look = way.dns },
  { name = "connection", needs = { "settings" }, look = way.connection },
  { name = "tls", needs = { "settings" }, look = way.tls },
  { name = "clock", needs = { "settings" }, look = way.clock },
  { name = "token", needs = { "settings", "credential", "way to IMS" }, look = service.token },
  { name = "cache", needs = { "settings" }, look = service.cache },
  { name = "scopes", needs = { "token" }, look = service.scopes },
  { name = "call", needs = { "tenant", "token", "way to tenant" }, look = service.call },
}

--- Goes through all checks.
---@param arguments table  as argparse read them
---@param tell fun(finding: accs.cli.Finding)  called for each as it is known
---@return accs.cli.Finding[]
--- Example: `local findings = diagnosis.run(arguments, print)`
function diagnosis.run(arguments, tell)
  local self = setmetatable({ arguments = arguments, findings = {}, broken = {}, events = {} },
    Diagnosis)
  local told = 0
  for _, check in ipairs(diagnosis.list) do
    local cause
    for _, need in ipairs(check.needs) do
      cause = cause or self.broken[need]
    end
    if cause then
      self.broken[check.name] = cause
      self:add("skip", check.name, "needs " .. cause)
    else
      check.look(self)
    end
    for index = told + 1, #self.findings do
      tell(self.findings[index])
    end
    told = #self.findings
  end
  if self.auth then
    self.auth:close()
  end
  return self.findings
end

return diagnosis
