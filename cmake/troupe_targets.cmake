# troupe_library(base DEPENDS …)  every .cpp below this folder, as the static library troupe_<name>.
# PUBLIC_DEPENDS: other troupe libraries; DEPENDS: third-party libraries, which stay private.
function(troupe_library name)
  cmake_parse_arguments(arg "" "" "PUBLIC_DEPENDS;DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/app/main\\.cpp$")
  add_library(troupe_${name} STATIC ${sources})
  target_link_libraries(troupe_${name} PUBLIC ${arg_PUBLIC_DEPENDS} PRIVATE troupe_flags ${arg_DEPENDS})
endfunction()
