std = "lua54"
max_line_length = 100
include_files = { "**/*.lua", "lua/bin/*", "rockspec/*.rockspec" }
exclude_files = { "build" }
-- Files that only describe types for editors.
files["**/*.meta.lua"] = { ignore = { "211", "212", "241" } }
files["spec/**/*_spec.lua"] = { std = "lua54+busted" }
files["spec/lua/loop_rules.lua"] = { std = "lua54+busted" }
files["rockspec/*.rockspec"] = {
  globals = { "rockspec_format", "package", "version", "source", "description", "dependencies",
    "external_dependencies", "build", "test", "test_dependencies" },
}
