/* Runs a command and writes the most memory that it ever had, in KiB.
 *
 *     peak FILE COMMAND [ARGUMENT...]
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    struct rusage used;
    int status;
    FILE *file;
    pid_t child;
    if (count < 3)
        return 125;
    child = fork();
    if (child == 0) {
        execvp(words[2], words + 2);
        _exit(126);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child)
        return 125;
    file = fopen(words[1], "w");
    if (!file || fprintf(file, "%ld\n", used.ru_maxrss) < 0 || fclose(file))
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 124;
}
