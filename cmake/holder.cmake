# SPDX-License-Identifier: MIT
# The holder is a small static program, against musl: it starts in a quarter of the time of a dynamic
# one, has 12 KiB of its own where glibc's static form has 48, and an upgrade of a library cannot
# change the one that holds a job for months. CMake knows one C compiler a project, so musl-gcc is
# called here by hand, with the flags of everybody else. Sanitizers need the ordinary, dynamic form.
find_program(MUSL_GCC musl-gcc)

if(JOBWIRE_SANITIZE OR NOT MUSL_GCC)
  add_executable(jobwire-holder ${CMAKE_SOURCE_DIR}/src/holder/main.c)
  target_link_libraries(jobwire-holder PRIVATE holder)
  return()
endif()

set(base arena buf clock crc err fd id process quantity sys utf8)
list(TRANSFORM base PREPEND ${CMAKE_SOURCE_DIR}/src/base/)
list(TRANSFORM base APPEND .c)
file(GLOB sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/src/holder/*.c ${CMAKE_SOURCE_DIR}/src/jobdir/*.c)
list(APPEND sources ${base}
  ${CMAKE_SOURCE_DIR}/src/outlog/outlog.c ${CMAKE_SOURCE_DIR}/src/outlog/format.c)

get_target_property(options jobwire_flags INTERFACE_COMPILE_OPTIONS)
get_target_property(definitions jobwire_flags INTERFACE_COMPILE_DEFINITIONS)
list(TRANSFORM definitions PREPEND -D)
separate_arguments(cflags UNIX_COMMAND "${CMAKE_C_FLAGS} ${CMAKE_C_FLAGS_RELWITHDEBINFO}")

set(objects)
foreach(source ${sources})
  file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR}/src ${source})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/musl/${name}.o)
  get_filename_component(folder ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${MUSL_GCC} -std=gnu11 ${cflags} ${options} ${definitions} -I${CMAKE_SOURCE_DIR}/src
      -ffunction-sections -fstack-protector-strong -MD -MF ${object}.d -c -o ${object} ${source}
    DEPENDS ${source}
    DEPFILE ${object}.d
    VERBATIM
    COMMENT "musl-gcc ${name}")
  list(APPEND objects ${object})
endforeach()

add_custom_command(
  OUTPUT ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/jobwire-holder
  COMMAND ${MUSL_GCC} -static -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack
    -o ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/jobwire-holder ${objects}
  DEPENDS ${objects}
  VERBATIM
  COMMENT "Linking static program bin/jobwire-holder")
add_custom_target(jobwire-holder ALL DEPENDS ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/jobwire-holder)
