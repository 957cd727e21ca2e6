//go:build ignore

// The kernel's part of the media relay: it takes settled RTP directions from
// the socket that they go to, gives each packet our identifiers and sends it on.
// Whatever is not exactly what the direction's slot describes goes up to the
// socket as it is.
//
// It runs on tcx ingress of Ethernet interfaces and of lo, and, as a program of its
// own, of interfaces whose packets have no header of a link: tun, ppp, WireGuard.
#include "bpf.h"

#define ETHERNET 14
#define ETH_IPV4 0x0800
#define ETH_IPV6 0x86dd
#define UDP 17
#define DONT_FRAGMENT 0x4000

#define RTP_PLAIN 0x80 // version 2, no padding, no extension, no contributors
#define TO_SOCKET 0xff // in slot.types

// Limits of RFC 3550 appendix A.1. What jumps further is the socket's. Half of the
// steps back is its too: the process's count may be ahead of ours by the other half
// (rebase.Stream.InStep).
#define MAX_DROPOUT 3000
#define MAX_MISORDER 50
#define MAX_TRANSIT 10 // seconds between two packets that count for jitter

#define SECOND 1000000000ull
// QUIET is how long a packet on its way to the socket may take to get there: a
// direction starts only after a gap of this, in ns.
#define QUIET 1000000

struct ipv4 {
	u8 version_length;
	u8 tos;
	u16 length;
	u16 id;
	u16 fragment;
	u8 ttl;
	u8 protocol;
	u16 check;
	u32 from;
	u32 to;
};

struct ipv6 {
	u32 flow; // version, traffic class, flow label
	u16 length;
	u8 next;
	u8 hops;
	u32 from[4];
	u32 to[4];
};

struct udp {
	u16 from;
	u16 to;
	u16 length;
	u16 check;
};

struct rtp {
	u8 first;
	u8 type; // marker and payload type
	u16 seq;
	u32 timestamp;
	u32 ssrc;
};

struct head4 {
	struct ipv4 ip;
	struct udp udp;
	struct rtp rtp;
};

struct head6 {
	struct ipv6 ip;
	struct udp udp;
	struct rtp rtp;
};

// slot is one direction, by cache lines: what every packet reads, what every
// packet that goes on reads, what it writes, the rest. The process fills it before
// a cell leads to it and does not touch it again, but for live, confirmed and, until the direction is active, the reception. Addresses (IPv4 as
// ::ffff:a.b.c.d), ports, flow and SSRCs are in network order, sums as the checksum
// of memory is.
struct slot {
	u32 live;   // 0: ended
	u32 active; // set by the program
	u32 local[4];
	u32 source[4];
	u16 local_port;
	u16 source_port;
	u32 ssrc_in;
	u32 ssrc_out;
	u32 timestamp_add;
	u16 seq_add;
	u16 ip_id; // of the first packet
	u16 mtu;
	u8 tos; // IPv4
	u8 ttl;

	u32 from[4];
	u32 to[4];
	u16 from_port;
	u16 to_port;
	u32 flow;        // IPv6
	u32 address_sum; // what the change of addresses adds to a checksum
	u32 fixed_sum;   // and that of ports and SSRC
	u64 epoch;       // ktime of the process's 0
	u32 clock;       // Hz
	u32 ifindex;     // where it goes out; LOOPBACK: this host

	u64 state; // packets forwarded << 16 | programs at work on this slot
	u64 octets;
	u64 seen; // since epoch, of the last packet
	u64 newest_at;
	u32 newest_timestamp;
	u32 highest; // extended sequence number, RFC 3550 appendix A.1; one word, to be read whole
	u32 jitter;  // appendix A.8, in 1/16 of a tick
	s32 transit;
	u32 last; // timestamp
	u32 hop_family; // of hop4 or hop6; 0: found by route for each packet
	u32 hop4;       // the neighbour that it is sent to
	u8 from_here;   // the source is a process of this host: its packets come over lo
	u8 priority;    // by which queues and 802.1p tell packets apart (socket(7), SO_PRIORITY)
	u16 type;       // payload type of the last packet, as it came in

	u8 types[128]; // what a payload type becomes, or TO_SOCKET

	u64 confirmed; // as many of passed have left the process again
	u64 passed;    // packets to the socket before the direction was active
	u64 passed_at;
	u64 foreign;   // packets from another source, dropped
	u64 failed;    // packets that could not be rewritten, dropped
	u32 hop6[4];
	u32 heir[4];   // another source that is the socket's to judge
	u32 heir_port; // 0: there is none
	u64 end;
};

// ports lead from a local end to its slot: four cells for each even port, for that
// many of our addresses. A cell is
//
//	slot << 12 | tag of the address, which is not 0
//
// and 0 where it is free; the process writes it whole. A hash over wherever the
// entries are would be spread over so many pages that finding one costs more than
// all that is done with it.
struct port {
	u32 cell[4];
};

#define PORTS (1 << 15)

struct {
	MAP_NUMBER(type, MAP_ARRAY);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct port);
	MAP_NUMBER(max_entries, PORTS);
	MAP_NUMBER(map_flags, MAP_MMAPABLE);
} ports SEC(".maps");

struct {
	MAP_NUMBER(type, MAP_ARRAY);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct slot);
	MAP_NUMBER(max_entries, 1);
	MAP_NUMBER(map_flags, MAP_MMAPABLE);
} slots SEC(".maps");

// lease is the ktime until when the slots are to be believed: their process
// moves it on while it lives.
struct {
	MAP_NUMBER(type, MAP_ARRAY);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, u64);
	MAP_NUMBER(max_entries, 1);
	MAP_NUMBER(map_flags, MAP_MMAPABLE);
} lease SEC(".maps");

// end is a local address and port.
struct end {
	u32 addr[4];
	u16 port;
};

INLINE u32 fold32(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

INLINE u16 fold16(u64 sum)
{
	sum = fold32(sum);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

// change16 and change32 are what replacing a word adds to a checksum.
INLINE u64 change16(u16 from, u16 to) { return (u64)(u16)~from + to; }
INLINE u64 change32(u32 from, u32 to) { return (u64)(u32)~from + to; }

INLINE int equal(const u32 *a, const u32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

// enter and leave enclose what a slot counts, so that the process knows when the
// last program has left a slot that it ended.
INLINE u64 enter(struct slot *s) { return __sync_fetch_and_add(&s->state, 1) >> 16; }
INLINE void leave(struct slot *s) { __sync_fetch_and_add(&s->state, -1ull); }
INLINE void leave_with(struct slot *s, u32 octets)
{
	__sync_fetch_and_add(&s->octets, octets);
	__sync_fetch_and_add(&s->state, (1 << 16) - 1);
}

// ticks is what package rebase calls so.
INLINE u32 ticks(u64 ns, u32 clock)
{
	u64 seconds = ns / SECOND;
	return seconds * clock + (ns - seconds * SECOND) * clock / SECOND;
}

// receive is package rebase's Reception, for a packet that is not too far off.
INLINE void receive(struct slot *s, u16 seq, u32 timestamp, u64 at)
{
	u16 ahead = seq - (u16)s->highest;
	if (ahead != 0 && ahead < MAX_DROPOUT) {
		// In this order: who reads highest first finds what belongs to it or is newer.
		once(s->newest_timestamp) = timestamp;
		once(s->newest_at) = at;
		once(s->highest) = s->highest + ahead;
	}
	s->seen = at;
	if (s->last == timestamp)
		return;
	s32 transit = ticks(at, s->clock) - timestamp;
	s64 d = (s32)(transit - s->transit);
	if (d < 0)
		d = -d;
	if (d < (s64)MAX_TRANSIT * s->clock)
		s->jitter += (u32)d - ((s->jitter + 8) >> 4);
	s->transit = transit;
	s->last = timestamp;
}

// judge decides about a packet to a local end of ours. It is FORWARD when the
// packet is to be rewritten, still inside the slot, and else the answer to give.
#define FORWARD 1

INLINE int judge(struct slot *s, const struct end *local, const u32 *source, u16 source_port,
	const struct rtp *rtp, u32 size, u32 ifindex)
{
	u32 zero = 0;
	u64 *until = map_lookup(&lease, &zero);
	u64 now = ktime();
	if (!until || once(*until) < now || !once(s->live))
		return TCX_NEXT;
	// The tag may be another address's too.
	if (!equal(s->local, local->addr) || s->local_port != local->port)
		return TCX_NEXT;
	if (!equal(s->source, source) || s->source_port != source_port) {
		if (s->heir_port == source_port && equal(s->heir, source))
			return TCX_NEXT;
		__sync_fetch_and_add(&s->foreign, 1);
		return TCX_DROP;
	}
	u16 ahead = net16(rtp->seq) - (u16)s->highest;
	int known = rtp->first == RTP_PLAIN && s->types[rtp->type & 0x7f] != TO_SOCKET && rtp->ssrc == s->ssrc_in &&
		size <= s->mtu && (!s->from_here || ifindex == LOOPBACK) && (!s->active || ahead < MAX_DROPOUT || ahead > (1 << 16) - MAX_MISORDER);
	if (!s->active) {
		// Packets before this one may wait in the socket or be on their way there.
		// This one may overtake them only in a gap after which the process has
		// said that it handled them all.
		if (!known || s->passed != once(s->confirmed) || now - s->passed_at < QUIET) {
			s->passed_at = now;
			__sync_fetch_and_add(&s->passed, 1);
			return TCX_NEXT;
		}
		s->active = 1;
		__sync_fetch_and_add(&s->passed, 0); // what was written before confirmed is seen after it
		ahead = net16(rtp->seq) - (u16)once(s->highest);
		known = ahead < MAX_DROPOUT || ahead > (1 << 16) - MAX_MISORDER;
	}
	if (!known)
		return TCX_NEXT;
	once(s->type) = rtp->type & 0x7f;
	receive(s, net16(rtp->seq), net32(rtp->timestamp), now - s->epoch);
	return FORWARD;
}

// rewrite gives an RTP header our identifiers and returns what that and the
// ports add to the checksum.
INLINE u32 rewrite(const struct slot *s, struct udp *udp, struct rtp *rtp)
{
	u64 sum = s->fixed_sum;
	udp->from = s->from_port;
	udp->to = s->to_port;

	u16 before, after;
	__builtin_memcpy(&before, &rtp->first, 2);
	rtp->type = (rtp->type & 0x80) | s->types[rtp->type & 0x7f];
	__builtin_memcpy(&after, &rtp->first, 2);
	sum += change16(before, after);

	u16 seq = net16(net16(rtp->seq) + s->seq_add);
	sum += change16(rtp->seq, seq);
	rtp->seq = seq;

	u32 timestamp = net32(net32(rtp->timestamp) + s->timestamp_add);
	sum += change32(rtp->timestamp, timestamp);
	rtp->timestamp = timestamp;

	rtp->ssrc = s->ssrc_out;
	return fold32(sum);
}

// out sends a rewritten packet on. One that came over lo and stays on this host
// has its route already; any other gets its link address anew, from the neighbour
// that the process knows or by a route.
INLINE int out(struct __sk_buff *skb, u32 ifindex, u32 priority, struct neighbour *hop)
{
	if (ifindex == LOOPBACK && skb->ifindex == LOOPBACK)
		return TCX_PASS;
	skb->priority = priority;
	if (hop->family == 0)
		return redirect_neigh(ifindex, 0, 0, 0);
	return redirect_neigh(ifindex, hop, sizeof *hop, 0);
}

// find gives the slot that a local end may have.
INLINE struct slot *find(const struct end *local)
{
	u32 number = net16(local->port);
	if (number & 1)
		return 0;
	number >>= 1;
	struct port *p = map_lookup(&ports, &number);
	if (!p)
		return 0;
	u32 tag = local->addr[0] ^ local->addr[1] ^ local->addr[2] ^ local->addr[3];
	tag = tag * 0x9e3779b1 >> 20 | 1;
	u32 found = 0;
	for (int i = 0; i < 4; i++) {
		u32 cell = once(p->cell[i]);
		if ((cell & 0xfff) == tag)
			found = cell;
	}
	if (!found)
		return 0;
	found >>= 12;
	return map_lookup(&slots, &found);
}

// fetch makes the first size bytes readable, where the packet is that long. Who reads them has to compare with the end again: the verifier does
// not see it from here.
INLINE void fetch(struct __sk_buff *skb, u32 size)
{
	if ((void *)(long)skb->data + size > (void *)(long)skb->data_end && skb->len >= size)
		pull_data(skb, size);
}

// raise gives a packet without a header of a link one of zeros: redirect_neigh
// takes only what has one, and fills it in or takes it off.
INLINE long raise(struct __sk_buff *skb, const u32 link) { return link == 0 ? change_head(skb, ETHERNET, 0) : 0; }

// relay4 and relay6 take packets behind link bytes of a header.
INLINE int relay4(struct __sk_buff *skb, const u32 link)
{
	struct head4 *p;
	fetch(skb, link + sizeof *p);
	p = (void *)(long)skb->data + link;
	if ((void *)(p + 1) > (void *)(long)skb->data_end || p->ip.version_length != 0x45 || p->ip.protocol != UDP || p->ip.fragment & (u16)~net16(DONT_FRAGMENT))
		return TCX_NEXT;
	// Exact lengths: nothing of the sender's behind the packet goes along.
	u32 length = net16(p->ip.length);
	if (length != skb->len - link || net16(p->udp.length) != length - sizeof p->ip || p->udp.check == 0)
		return TCX_NEXT;

	struct end local = {.addr = {0, 0, net32(0xffff), p->ip.to}, .port = p->udp.to};
	struct slot *s = find(&local);
	if (!s)
		return TCX_NEXT;
	struct head4 h = *p;
	u32 source[4] = {0, 0, net32(0xffff), h.ip.from};
	u64 count = enter(s);
	int verdict = judge(s, &local, source, h.udp.from, &h.rtp, length, skb->ifindex);
	if (verdict != FORWARD) {
		leave(s);
		return verdict;
	}

	struct ipv4 ip = h.ip;
	ip.tos = s->tos;
	ip.id = net16(s->ip_id + count);
	ip.fragment = 0; // as the process's own sockets do
	ip.ttl = s->ttl;
	ip.from = s->from[3];
	ip.to = s->to[3];
	u16 before[2], after[2]; // with the bytes beside tos and ttl
	__builtin_memcpy(&before[0], &h.ip.version_length, 2);
	__builtin_memcpy(&after[0], &ip.version_length, 2);
	__builtin_memcpy(&before[1], &h.ip.ttl, 2);
	__builtin_memcpy(&after[1], &ip.ttl, 2);
	u64 sum = (u16)~ip.check + (u64)s->address_sum;
	sum += change16(before[0], after[0]) + change16(before[1], after[1]);
	sum += change16(h.ip.id, ip.id) + change16(h.ip.fragment, ip.fragment);
	ip.check = ~fold16(sum);
	h.ip = ip;

	struct neighbour hop = {s->hop_family, {s->hop4}};
	u32 ifindex = s->ifindex, priority = s->priority, addresses = s->address_sum, check = link + sizeof h.ip + 6;
	u32 rest = rewrite(s, &h.udp, &h.rtp);
	if (store_bytes(skb, link, &h, sizeof h, 0) || l4_csum_replace(skb, check, 0, addresses, CSUM_PSEUDO | CSUM_MANGLED) ||
	    l4_csum_replace(skb, check, 0, rest, CSUM_MANGLED) || raise(skb, link)) {
		__sync_fetch_and_add(&s->failed, 1);
		leave(s);
		return TCX_DROP;
	}
	leave_with(s, length - sizeof h);
	return out(skb, ifindex, priority, &hop);
}

INLINE int relay6(struct __sk_buff *skb, const u32 link)
{
	struct head6 *p;
	fetch(skb, link + sizeof *p);
	p = (void *)(long)skb->data + link;
	if ((void *)(p + 1) > (void *)(long)skb->data_end || (p->ip.flow & net32(0xf0000000)) != net32(6u << 28) || p->ip.next != UDP)
		return TCX_NEXT;
	u32 length = net16(p->ip.length);
	if (length != skb->len - link - sizeof p->ip || net16(p->udp.length) != length || p->udp.check == 0)
		return TCX_NEXT;

	// The slots of IPv4 are not to be found by IPv6.
	if (p->ip.to[0] == 0 && p->ip.to[1] == 0 && p->ip.to[2] == net32(0xffff))
		return TCX_NEXT;
	struct end local = {.addr = {p->ip.to[0], p->ip.to[1], p->ip.to[2], p->ip.to[3]}, .port = p->udp.to};
	struct slot *s = find(&local);
	if (!s)
		return TCX_NEXT;
	struct head6 h = *p;
	enter(s);
	int verdict = judge(s, &local, h.ip.from, h.udp.from, &h.rtp, length + sizeof h.ip, skb->ifindex);
	if (verdict != FORWARD) {
		leave(s);
		return verdict;
	}

	h.ip.flow = s->flow;
	h.ip.hops = s->ttl;
	__builtin_memcpy(h.ip.from, s->from, sizeof h.ip.from);
	__builtin_memcpy(h.ip.to, s->to, sizeof h.ip.to);

	struct neighbour hop = {s->hop_family, {s->hop6[0], s->hop6[1], s->hop6[2], s->hop6[3]}};
	u32 ifindex = s->ifindex, priority = s->priority, addresses = s->address_sum, check = link + sizeof h.ip + 6;
	u32 rest = rewrite(s, &h.udp, &h.rtp);
	// The addresses are within what a complete checksum covers, which CSUM_IPV6
	// says; a kernel that does not know it refuses and has changed nothing.
	if (store_bytes(skb, link, &h, sizeof h, 0) ||
	    (l4_csum_replace(skb, check, 0, addresses, CSUM_PSEUDO | CSUM_MANGLED | CSUM_IPV6) &&
	     l4_csum_replace(skb, check, 0, addresses, CSUM_PSEUDO | CSUM_MANGLED)) ||
	    l4_csum_replace(skb, check, 0, rest, CSUM_MANGLED) || raise(skb, link)) {
		__sync_fetch_and_add(&s->failed, 1);
		leave(s);
		return TCX_DROP;
	}
	leave_with(s, length - sizeof h.udp - sizeof h.rtp);
	return out(skb, ifindex, priority, &hop);
}

INLINE int relay_behind(struct __sk_buff *skb, const u32 link)
{
	// gso_size, not gso_segs: of what another machine aggregated that is 0.
	if (skb->pkt_type != PACKET_HOST || skb->vlan_present || skb->gso_size != 0)
		return TCX_NEXT;
	if (skb->protocol == net16(ETH_IPV4))
		return relay4(skb, link);
	if (skb->protocol == net16(ETH_IPV6))
		return relay6(skb, link);
	return TCX_NEXT;
}

SEC("tc") int relay(struct __sk_buff *skb) { return relay_behind(skb, ETHERNET); }
SEC("tc") int relay_bare(struct __sk_buff *skb) { return relay_behind(skb, 0); }

// Only helpers that are open to any license are called.
SEC("license") char _license[] = "Apache-2.0";
