# SPDX-License-Identifier: MIT
# The libraries of architecture section 7, as imported targets.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core>=2.1)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(SMARTCOLS REQUIRED IMPORTED_TARGET smartcols)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
find_library(NNG_LIBRARY nng REQUIRED)
find_path(NNG_INCLUDE nng/nng.h REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)

add_library(nng INTERFACE)
target_link_libraries(nng INTERFACE ${NNG_LIBRARY} Threads::Threads)
target_include_directories(nng SYSTEM INTERFACE ${NNG_INCLUDE})

# What each folder of src/ links from outside.
set(JOBWIRE_LIBS_base PkgConfig::INIH Threads::Threads)
set(JOBWIRE_LIBS_wire jobwire_proto)
set(JOBWIRE_LIBS_store PkgConfig::SQLITE)
set(JOBWIRE_LIBS_text PkgConfig::PCRE2)
set(JOBWIRE_LIBS_proc PkgConfig::LIBEVENT)
set(JOBWIRE_LIBS_bus nng)
set(JOBWIRE_LIBS_job PkgConfig::LIBEVENT)
set(JOBWIRE_LIBS_mcp PkgConfig::CJSON)
set(JOBWIRE_LIBS_tools PkgConfig::CJSON PkgConfig::LIBEVENT)
set(JOBWIRE_LIBS_cli PkgConfig::SMARTCOLS)
set(JOBWIRE_LIBS_engine PkgConfig::LIBEVENT nng)
set(JOBWIRE_LIBS_mcp_stdio PkgConfig::LIBEVENT)
