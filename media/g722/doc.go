// Package g722 decodes ITU-T G.722 (09/2012) at 64 kbit/s, mode 1, in fixed-point arithmetic to the last bit. It is
// pure. Functions and fields have the names that the Recommendation's blocks and signals have, so that either can be
// read beside the other.
//
//	octet   7 6 5 4 3 2 1 0
//	        I_H |   I_L        higher sub-band 2 bits, lower sub-band 6 bits
//
//	I_L ─► lower sub-band ADPCM decoder  ─ RL ─┐
//	                                           ├─► receive QMF ─► two samples at 16 kHz
//	I_H ─► higher sub-band ADPCM decoder ─ RH ─┘
//
// An octet lasts 125 us, which is also a tick of G.722's RTP clock: it counts 8000 a second, though the samples are
// twice as many (RFC 3551 section 4.5.2).
package g722
