# A real guest in one boot sector: it sleeps until the ACPI power button (SCI on IRQ 9) and obeys or ignores it.
# Idle it uses no CPU: the timer is off but in the modes that count time. Letters on COM1: U up, I ignored, D going down.
#
# It lets go of a PCI device that is to be unplugged, as an operating system does (all but the mode that ignores).
# What it has done is in its memory: byte 504 is 1 once it listens, byte 505 counts the presses that it ignored.
# mode (byte 508): 0 obeys | 1 ignores | 2 powers itself off | 3 panics | 4 resets itself; 2 to 4 after `ticks` of 1/18.2 s

        .code16
        .globl _start
_start:
        ljmp    $0x7c0, $begin
begin:
        cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    $sci, 0x71*4                    # interrupt vector of IRQ 9
        movw    $0x7c0, 0x71*4+2
        movw    %cs, %ax
        movw    %ax, %ds
        xorw    %cx, %cx
        movw    $0x3f8, %dx
        movb    $'U', %al
        outb    %al, %dx
        movw    $0x602, %dx                     # PM1 enable: the power button
        movw    $0x0100, %ax
        outw    %ax, %dx
        movw    $0xafe2, %dx                    # GPE enable: PCI hot-plug
        movw    $0x0002, %ax
        outw    %ax, %dx
        movw    $0x604, %dx                     # PM1 control: ACPI events as SCI
        inw     %dx, %ax
        orw     $1, %ax
        outw    %ax, %dx
        movb    $0xfd, %al                      # second interrupt controller: IRQ 9 only
        outb    %al, $0xa1
        movb    $0xfb, %al                      # first: the second one only
        cmpb    $2, mode
        jb      timer_off
        movb    $0xfa, %al                      # and the timer
        jmp     unmask
timer_off:
        movb    %al, %bl
        movb    $0x30, %al                      # channel 0, once: no tick comes after it
        outb    %al, $0x43
        xorb    %al, %al
        outb    %al, $0x40
        outb    %al, $0x40
        movb    %bl, %al
unmask:
        outb    %al, $0x21
        sti
        movb    $1, listens

sleep:
        hlt
        incw    %cx
        movb    mode, %bl
        cmpb    $2, %bl
        jb      sleep
        cmpw    ticks, %cx
        jb      sleep
        cmpb    $3, %bl
        je      panic
        cmpb    $4, %bl
        je      reset
        call    power_off
        jmp     sleep

sci:
        pushw   %ax
        pushw   %dx
        movw    $0x600, %dx                     # PM1 status: read, then acknowledge all
        inw     %dx, %ax
        pushw   %ax
        outw    %ax, %dx
        movw    $0xafe0, %dx                    # GPE status, likewise
        inw     %dx, %ax
        outw    %ax, %dx
        cmpb    $1, %cs:mode
        je      acknowledge
        pushl   %eax
        movw    $0xae10, %dx                    # PCI hot-plug: of bus 0,
        xorl    %eax, %eax
        outl    %eax, %dx
        movw    $0xae04, %dx                    # the slots to be unplugged
        inl     %dx, %eax
        movw    $0xae08, %dx                    # are let go of
        testl   %eax, %eax
        jz      none_to_eject
        outl    %eax, %dx
none_to_eject:
        popl    %eax
acknowledge:
        movb    $0x20, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ax
        testw   $0x0100, %ax
        jz      sci_end
        cmpb    $1, %cs:mode
        je      ignore
        call    power_off
        jmp     sci_end
ignore:
        incb    %cs:ignored
        movw    $0x3f8, %dx
        movb    $'I', %al
        outb    %al, %dx
sci_end:
        popw    %dx
        popw    %ax
        iretw

power_off:
        movw    $0x3f8, %dx
        movb    $'D', %al
        outb    %al, %dx
        movw    $0x604, %dx                     # PM1 control: S5
        movw    $0x2001, %ax
        outw    %ax, %dx
        ret

panic:
        movw    $0x505, %dx                     # pvpanic
        movb    $1, %al
        outb    %al, %dx
        cli
dead:
        hlt
        jmp     dead

reset:
        movb    $0xfe, %al                      # keyboard controller: reset line
        outb    %al, $0x64
        jmp     sleep

        .org    504
listens: .byte  0
ignored: .byte  0
ticks:  .word   91
mode:   .byte   0
        .byte   0
        .org    510
        .word   0xaa55
