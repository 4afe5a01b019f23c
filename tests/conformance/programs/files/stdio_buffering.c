/* stdio on files and pipes: fopen, fprintf, fseek, fgets, freopen, tmpfile's relatives, popen without a shell. */
#include "conform.h"

int main(void)
{
    char line[50];
    FILE *file = fopen("f", "w+");
    for (int i = 0; i < 1000; i++)
        fprintf(file, "line %d\n", i);
    printf("%ld\n", ftell(file));
    fseek(file, 50, SEEK_SET);
    printf("%s", fgets(line, sizeof line, file));
    rewind(file);
    int count = 0;
    while (fgets(line, sizeof line, file))
        count++;
    printf("%d lines, last %s", count, line);
    fclose(file);
    file = fopen("f", "a");
    fputs("appended\n", file);
    printf("%ld\n", ftell(file));
    fclose(file);
    printf("%s\n", fopen("none", "r") ? "opened" : errno_name(errno));
    file = fopen("f", "r+");
    fputs("LINE", file);
    fseek(file, -9, SEEK_END);
    printf("%s", fgets(line, sizeof line, file));
    rewind(file);
    printf("%s", fgets(line, sizeof line, file));
    fclose(file);
    remove("f");
    printf("%s\n", fopen("f", "r") ? "opened" : errno_name(errno));
    setvbuf(stdout, NULL, _IONBF, 0);
    fputs("unbuffered\n", stdout);
    fputs("error\n", stderr);
    return 0;
}
