#!/bin/sh
# usage: comma_locale.sh FOLDER
# Makes the locale "xx_XX", whose numbers have a comma, in FOLDER; LOCPATH=FOLDER then finds it.
# It needs localedef alone (part of libc-bin), not the package with all locales.
set -e
folder=$1
{
    printf '<code_set_name> COMMA\n<mb_cur_min> 1\n<mb_cur_max> 1\n'
    printf '<escape_char> /\n<comment_char> %%\nCHARMAP\n'
    i=0
    while [ $i -lt 128 ]; do
        printf '<U%04X> /x%02x\n' $i $i
        i=$((i + 1))
    done
    printf 'END CHARMAP\n'
} >"$folder/charmap"
cat >"$folder/source" <<'END'
comment_char %
escape_char /
LC_NUMERIC
decimal_point ","
thousands_sep "."
grouping 3;3
END LC_NUMERIC
END
# Every other category is missing, which -c forgives; it then answers 1 although all is well.
localedef -c -f "$folder/charmap" -i "$folder/source" "$folder/xx_XX" 2>/dev/null || true
test -f "$folder/xx_XX/LC_NUMERIC"
