package kernel

// The object is the same bytes wherever it is built with this compiler; `make
// generated` builds it anew and compares.
//go:generate go run github.com/cilium/ebpf/cmd/bpf2go@v0.22.0 -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -g -mcpu=v3 -Wall -Wextra -Werror" -target bpfel -type slot -type port -no-global-types relay relay.c
