/* Sends a Ctrl-C to all programs on the console of whoever starts this. */
#include <windows.h>

int main(void) {
    /* It is not meant for this one. */
    SetConsoleCtrlHandler(NULL, TRUE);
    return GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0) ? 0 : 1;
}
