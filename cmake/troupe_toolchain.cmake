# Warnings, sanitizers, compiler cache and linker. What applies to our own targets only hangs on troupe_flags.
find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness lets ccache work with precompiled headers; the base folder lets checkouts share it.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      ${CCACHE})
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(troupe_flags INTERFACE)
target_compile_options(troupe_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # ccache wants the preprocessor's view of a precompiled header to be self-contained.
  target_compile_options(troupe_flags INTERFACE -Xclang -fno-pch-timestamp)
else()
  # GCC 12 reports these inside libstdc++ and Boost at -O2, where nothing is wrong (GCC bugs 105329, 105651).
  target_compile_options(troupe_flags INTERFACE
    -fpch-preprocess -Wno-restrict -Wno-stringop-overflow -Wno-maybe-uninitialized -Wno-array-bounds -Wno-dangling-pointer)
endif()
target_include_directories(troupe_flags INTERFACE "${CMAKE_SOURCE_DIR}")

if(TROUPE_SANITIZE)
  add_compile_options(-fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TROUPE_SANITIZE})
  if(TROUPE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(TROUPE_SANITIZE MATCHES "thread")
    add_compile_options("-fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/cmake/tsan.ignore")
    add_compile_definitions(TROUPE_TSAN)  # base/sanitizer.hpp
  endif()
endif()

if(TROUPE_FUZZ)
  # Coverage counters in everything, so that the fuzz targets find their way through our libraries.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# A Beast translation unit under a sanitizer takes up to 1 GB: one at a time.
set_property(GLOBAL PROPERTY JOB_POOLS heavy=1)
