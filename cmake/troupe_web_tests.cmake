# The tests that Node runs, as CTest tests: the page's own (label web) and one per tests/e2e/*.test.mjs
# (label e2e: the real program, encoders and Chromium). scripts/test installs their npm packages.
find_program(NODE node)
find_program(NPM npm)
if(NOT NODE OR NOT NPM)
  message(WARNING "no node or npm: the web and e2e tests are left out (scripts/test installs them)")
  return()
endif()

if(EXISTS "${CMAKE_SOURCE_DIR}/web/package.json")
  add_test(NAME web/unit COMMAND "${NPM}" --prefix "${CMAKE_SOURCE_DIR}/web" test)
  add_test(NAME web/types COMMAND "${NPM}" --prefix "${CMAKE_SOURCE_DIR}/web" run check)
  set_tests_properties(web/unit web/types PROPERTIES LABELS web TIMEOUT 300)
endif()

file(GLOB e2e_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/e2e/*.test.mjs")
foreach(file ${e2e_tests})
  get_filename_component(name "${file}" NAME_WE)
  add_test(NAME "e2e/${name}" COMMAND "${NODE}" --test "${file}"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/tests/e2e")
  # Alone, because they measure latency; the limit is for the whole file.
  set_tests_properties("e2e/${name}" PROPERTIES LABELS e2e TIMEOUT 600 RUN_SERIAL TRUE
    ENVIRONMENT "TROUPE_BINARY=$<TARGET_FILE:troupe>")
endforeach()

# Several real nodes on one machine: tests/cluster. They use the packages of tests/e2e.
file(GLOB cluster_tests CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cluster/*.test.mjs")
foreach(file ${cluster_tests})
  get_filename_component(name "${file}" NAME_WE)
  add_test(NAME "cluster/${name}" COMMAND "${NODE}" --test "${file}" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/tests/e2e")
  set_tests_properties("cluster/${name}" PROPERTIES LABELS "cluster;e2e" TIMEOUT 900 RUN_SERIAL TRUE
    ENVIRONMENT "TROUPE_BINARY=$<TARGET_FILE:troupe>")
endforeach()

# What clusters store in: the same promises of chat on PostgreSQL, whose server each test starts for itself. Twelve kills
# there: the fifty on SQLite are of the program, this is of the other engine.
foreach(name chat_durability chat_http chat_ws)
  add_test(NAME "e2e/${name}_postgresql" COMMAND "${NODE}" --test "${CMAKE_SOURCE_DIR}/tests/e2e/${name}.test.mjs"
    WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}/tests/e2e")
  set_tests_properties("e2e/${name}_postgresql" PROPERTIES LABELS e2e TIMEOUT 600 RUN_SERIAL TRUE
    ENVIRONMENT "TROUPE_BINARY=$<TARGET_FILE:troupe>;TROUPE_E2E_STORE=postgresql;TROUPE_KILL_ROUNDS=12")
endforeach()
