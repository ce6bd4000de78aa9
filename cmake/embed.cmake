# madbase_embed(TARGET NAME FILES...): makes NAME.h in the build tree with one `static const char NAME_FILE[]` per
# file (FILE is the file's name, every character that C does not take turned into '_'), so that manifests stand as
# files in the source and as strings in the program. The generated header is included as "embedded/NAME.h".
function(madbase_embed TARGET NAME)
        set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${NAME}.h)
        set(inputs "")
        foreach(file ${ARGN})
                list(APPEND inputs ${CMAKE_CURRENT_SOURCE_DIR}/${file})
        endforeach()
        add_custom_command(OUTPUT ${out}
                COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAME=${NAME} "-DFILES=${inputs}"
                        -P ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
                DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
                VERBATIM)
        target_sources(${TARGET} PRIVATE ${out})
        target_include_directories(${TARGET} PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
