// Package record is the format of one call's recording: what both parties said, as they sent it, in sealed segments
// that can be written as the call goes and read back to the last whole one, whenever the writing was cut off. It is
// pure; package archive keeps the files.
//
//	file     header, segments                       all integers big-endian
//
//	header   "M700REC" version u8                   version 1
//	         length u16                             of the header, its tag too
//	         cipher u8                              1 AES-256-GCM, 2 SM4-GCM
//	         key u32                                the store's key under which the data key is wrapped: days since 1970
//	         start u64                              nanoseconds since 1970
//	         id u8 and text, wrapped key u16 and bytes
//	         tag 16                                 the cipher's, over all of the above
//
//	segment  length u32                             of the sealed bytes
//	         kind u8                                1 voice, 2 end
//	         number u64                             from 1, without a gap
//	         sealed bytes                           contents and a tag of 16
//
// Each recording has a data key of its own, so that the number of a segment is a nonce that never comes twice (the
// header's is 0). The seal covers the hash of the header and the segment's own fields: a segment cannot be changed,
// moved, left out or taken from another recording unseen. A recording that ended well ends in an end segment. One
// without it was cut off, by a crash, or by someone: what it has is genuine, what it had is not known. The call's
// record has its size.
//
// A segment of voice holds items, each of which begins with a byte that says what it is:
//
//	codec    0xC0, number u8 below 64, length u8, name     before its first use in the segment;
//	         what an rtpmap says, and the parameters behind a space; the name alone where there are none and the clock is 8000
//	voice    side in bit 6, codec in bits 0-5; length u16, sequence u16, timestamp u32, arrival u32, payload
//	gap      0xC1, packets u32                             that were not written here: the disk was too slow
//
// Arrival is in tenths of a millisecond since the first packet of the recording.
package record
