// The part of the kernel's interface for BPF programs that relay.c uses. With
// it the object depends on no header of a system, so its bytes depend on the
// compiler alone.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define once(x) (*(volatile __typeof__(x) *)&(x))

// Maps as BTF describes them.
#define MAP_NUMBER(name, value) int (*name)[value]
#define MAP_TYPE(name, value) value *name
#define MAP_ARRAY 2
#define MAP_MMAPABLE (1 << 10)

// What a program on tcx answers with.
#define TCX_NEXT (-1) // not ours: the next program, then the stack
#define TCX_PASS 0
#define TCX_DROP 2

#define PACKET_HOST 0
#define LOOPBACK 1 // the interface index of lo in every namespace

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define net16(x) ((u16)__builtin_bswap16(x))
#define net32(x) ((u32)__builtin_bswap32(x))
#else
#define net16(x) ((u16)(x))
#define net32(x) ((u32)(x))
#endif

// The context of a tc program. Only its layout matters: the kernel translates
// each access.
struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan[2];
	u32 priority;
	u32 ingress_ifindex;
	u32 ifindex;
	u32 tc_index;
	u32 cb[5];
	u32 hash;
	u32 tc_classid;
	u32 data;
	u32 data_end;
	u32 socket[15];
	u64 flow_keys;
	u64 tstamp;
	u32 wire_len;
	u32 gso_segs;
	u64 sk;
	u32 gso_size;
};

// Whom redirect_neigh sends to.
struct neighbour {
	u32 family;
	u32 addr[4];
};

// Helpers by number. Each is open to programs of any license.
static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static u64 (*ktime)(void) = (void *)5;
static long (*store_bytes)(struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags) = (void *)9;
static long (*l4_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) = (void *)11;
static long (*pull_data)(struct __sk_buff *skb, u32 len) = (void *)39;
static long (*change_head)(struct __sk_buff *skb, u32 more, u64 flags) = (void *)43;
static long (*redirect_neigh)(u32 ifindex, void *params, int size, u64 flags) = (void *)152;

// Flags of l4_csum_replace; the lowest four bits are a size, 0 for a difference.
#define CSUM_PSEUDO (1 << 4)  // addresses: part of a partial checksum too
#define CSUM_MANGLED (1 << 5) // UDP: 0 is written as 0xffff
#define CSUM_IPV6 (1 << 7)    // since Linux 6.16; refused before
