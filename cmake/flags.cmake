# SPDX-License-Identifier: MIT
# One set of warnings and flags for everything of ours; -Werror comes with the presets.
add_library(jobwire_flags INTERFACE)
target_compile_options(jobwire_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
  -Wvla -Wformat=2 -Wundef -fno-common
  -include ${CMAKE_SOURCE_DIR}/src/base/banned.h)
target_compile_definitions(jobwire_flags INTERFACE _GNU_SOURCE JOBWIRE_VERSION="${PROJECT_VERSION}")
target_include_directories(jobwire_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(JOBWIRE_FAULTS)
  target_compile_definitions(jobwire_flags INTERFACE JOBWIRE_FAULTS)
endif()

if(JOBWIRE_SANITIZE)
  add_compile_options(-fsanitize=${JOBWIRE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${JOBWIRE_SANITIZE})
else()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(JOBWIRE_FUZZ)
  # Ours all, not the targets alone: libFuzzer finds its way by what the modules tell it.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_link_options(-Wl,--as-needed)
# Asserts and BUG() stay in every build.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()
