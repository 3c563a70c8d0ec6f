# troupe_embed(target file name): puts a file's bytes into a target as `extern const std::string_view NAME`,
# where NAME is qualified (troupe::http::openapi_json). Run as a script (-P) it writes that source at build time.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${INPUT}" digits HEX)
  string(REGEX REPLACE "(................................................................)" "\\1\n" digits "${digits}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${digits}")
  string(REGEX MATCH "^(.*)::([^:]+)$" matched "${NAME}")
  set(space "${CMAKE_MATCH_1}")
  set(variable "${CMAKE_MATCH_2}")
  file(WRITE "${OUTPUT}" "// Made from a file by cmake/troupe_embed.cmake.
#include <string_view>
namespace ${space} {
// Not std::to_array: clang expands it to at most 65,535 elements.
static constexpr unsigned char octets[] = {
${octets}
};
extern const std::string_view ${variable};
const std::string_view ${variable}(reinterpret_cast<const char*>(octets), sizeof octets);
}
")
  return()
endif()

set(TROUPE_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(troupe_embed target file name)
  string(MAKE_C_IDENTIFIER "${name}" stem)
  set(input "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded/${stem}.cpp")
  add_custom_command(OUTPUT "${output}"
    COMMAND ${CMAKE_COMMAND} "-DINPUT=${input}" "-DOUTPUT=${output}" "-DNAME=${name}" -P "${TROUPE_EMBED_SCRIPT}"
    DEPENDS "${input}" "${TROUPE_EMBED_SCRIPT}"
    COMMENT "Embedding ${file}" VERBATIM)
  target_sources(${target} PRIVATE "${output}")
endfunction()
