/* /proc/sysvipc lists segments, sets and queues; kernel.*_next_id chooses the next identifier.
   needs: root */
#include "conform.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

/* The line of the object, without its process numbers and times. */
static void show(const char *kind, int id, int first_number, int numbers)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/sysvipc/%s", kind);
    FILE *f = fopen(path, "r");
    for (int i = 0; fgets(line, sizeof line, f); i++) {
        if (!i) {
            printf("%s", line);
            continue;
        }
        if (strtol(line + 10, NULL, 10) != id)
            continue;
        int field = 0;
        for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"), field++)
            if (field != 1)
                printf("%s ", field >= first_number && field < first_number + numbers ? atol(word) == getpid() ? "me" : atol(word) ? "other" : "0" : strlen(word) > 9 ? "time" : word);
        printf("(%d fields)\n", field);
    }
    fclose(f);
}

static void want(const char *kind, int id)
{
    char path[64], text[32] = "";
    snprintf(path, sizeof path, "/proc/sys/kernel/%s_next_id", kind);
    int fd = MUST(open(path, O_RDWR));
    MUST(read(fd, text, sizeof text));
    printf("%s_next_id was %s", kind, text);
    snprintf(text, sizeof text, "%d", id);
    MUST(pwrite(fd, text, strlen(text), 0));
    close(fd);
}

int main(void)
{
    struct { long type; char text[8]; } message = {1, "seven b"};
    int segment = MUST(shmget(0x51150001, 5000, IPC_CREAT | 0600));
    int set = MUST(semget(0x51150002, 3, IPC_CREAT | 0640)), queue = MUST(msgget(0x51150003, IPC_CREAT | 0666));
    char *at = shmat(segment, NULL, 0);
    at[0] = 1;
    MUST(msgsnd(queue, &message, 7, 0));
    show("shm", segment, 4, 2), show("sem", set, 99, 0), show("msg", queue, 5, 2);
    shmctl(segment, IPC_RMID, NULL);
    show("shm", segment, 4, 2);
    MUST(shmdt(at)), semctl(set, 0, IPC_RMID), msgctl(queue, IPC_RMID, NULL);
    show("shm", segment, 4, 2);
    int wanted = 5 << 15 | 30000;
    want("shm", wanted);
    segment = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    printf("as wanted: %d\n", segment == wanted);
    want("shm", wanted);
    int second = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    printf("taken: the next index, with the same number: %d\n", second == wanted + 1);
    int third = MUST(shmget(IPC_PRIVATE, 4096, 0600));
    printf("only once: %d\n", third != wanted + 2);
    shmctl(segment, IPC_RMID, NULL), shmctl(second, IPC_RMID, NULL), shmctl(third, IPC_RMID, NULL);
    want("msg", 7 << 15 | 20000);
    queue = MUST(msgget(IPC_PRIVATE, 0600));
    printf("as wanted: %d\n", queue == (7 << 15 | 20000));
    msgctl(queue, IPC_RMID, NULL);
    int limit = MUST(open("/proc/sys/kernel/msgmni", O_RDWR));
    char before[16] = "", few[16] = "2";
    MUST(read(limit, before, sizeof before - 1)), MUST(pwrite(limit, few, 1, 0));
    int one = msgget(IPC_PRIVATE, 0600), two = msgget(IPC_PRIVATE, 0600);
    SHOW(msgget(IPC_PRIVATE, 0600));
    msgctl(one, IPC_RMID, NULL), msgctl(two, IPC_RMID, NULL), pwrite(limit, before, strlen(before), 0);
    int fd = MUST(open("/proc/sys/kernel/sem_next_id", O_RDWR));
    SHOW(write(fd, "-2", 2)), SHOW(write(fd, "x", 1));
    return 0;
}
