# The warnings every file is compiled with, as errors, and the hardening of the release build.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -Wvla -Werror
        -Wstrict-prototypes -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
        -Wno-missing-field-initializers # a row of a table names what it sets, the rest is zero
        -fno-common -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE MADBASE_VERSION="${PROJECT_VERSION}")
include_directories(${PROJECT_SOURCE_DIR})

set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

if(MADBASE_SANITIZE)
        add_compile_options(-fsanitize=${MADBASE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        add_link_options(-fsanitize=${MADBASE_SANITIZE})
        if(MADBASE_SANITIZE MATCHES address)
                add_compile_definitions(MADBASE_ASAN)
        endif()
endif()
if(MADBASE_FUZZ)
        # Every library tells libFuzzer which branches were taken; only the fuzz_* programs link its main.
        add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
        add_compile_options(-D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections)
        add_link_options(-Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
endif()
