package g722

// band is the part that is the same in the decoders of either sub-band: the adaptive predictor and the scale factor.
// An index of 0 is this sample, 1 the one before. All values are 16 bits; additions saturate as the Recommendation's do.
type band struct {
	nb  int16    // logarithm of the scale factor
	det int16    // scale factor
	s   int16    // predicted signal
	sz  int16    // the zeros' part of it
	a   [3]int16 // poles' coefficients, from 1
	b   [7]int16 // zeros' coefficients, from 1
	d   [7]int16 // quantized difference
	p   [3]int16 // partially reconstructed signal
	r   [3]int16 // reconstructed signal
}

// logscl is LOGSCL and LOGSCH: the next logarithm of the scale factor.
func (b *band) logscl(w, most int16) {
	b.nb = min(max(mul(b.nb, 32512)+w, 0), most)
}

// scalel is SCALEL and SCALEH: the scale factor out of its logarithm.
func (b *band) scalel(shift int16) {
	wd := int32(ilb[b.nb>>6&31])
	if n := shift - b.nb>>11; n >= 0 {
		wd >>= n
	} else {
		wd <<= -n
	}
	b.det = int16(wd << 2)
}

// predict takes the quantized difference of this sample and predicts the next one.
func (b *band) predict(d int16) {
	b.d[0] = d
	b.r[0] = add(b.s, d)  // RECONS
	b.p[0] = add(b.sz, d) // PARREC
	a2 := b.uppol2()
	a1 := b.uppol1(a2)
	b.upzero()
	b.delaya(a1, a2)
	b.sz = b.filtez()
	b.s = add(b.filtep(), b.sz) // PREDIC
}

// uppol2 updates the second coefficient of the poles.
func (b *band) uppol2() int16 {
	wd := sat(int32(b.a[1]) << 2)
	if b.p[0] < 0 == (b.p[1] < 0) {
		wd = sat(-int32(wd))
	}
	wd >>= 7
	if b.p[0] < 0 == (b.p[2] < 0) {
		wd += 128
	} else {
		wd -= 128
	}
	return min(max(wd+mul(b.a[2], 32512), -12288), 12288)
}

// uppol1 updates the first coefficient of the poles, within what keeps them stable beside the second.
func (b *band) uppol1(a2 int16) int16 {
	wd := int16(-192)
	if b.p[0] < 0 == (b.p[1] < 0) {
		wd = 192
	}
	most := 15360 - a2
	return min(max(wd+mul(b.a[1], 32640), -most), most)
}

// upzero updates the coefficients of the zeros.
func (b *band) upzero() {
	for i := 1; i < len(b.b); i++ {
		var wd int16
		switch {
		case b.d[0] == 0:
		case b.d[0] < 0 == (b.d[i] < 0):
			wd = 128
		default:
			wd = -128
		}
		b.b[i] = wd + mul(b.b[i], 32640)
	}
}

// delaya makes what is of this sample the last one's.
func (b *band) delaya(a1, a2 int16) {
	copy(b.d[1:], b.d[:])
	copy(b.p[1:], b.p[:])
	copy(b.r[1:], b.r[:])
	b.a[1], b.a[2] = a1, a2
}

// filtep predicts by the poles.
func (b *band) filtep() int16 {
	return add(mul(b.a[1], add(b.r[1], b.r[1])), mul(b.a[2], add(b.r[2], b.r[2])))
}

// filtez predicts by the zeros, the oldest first: which one comes first matters when the sum saturates.
func (b *band) filtez() int16 {
	var sz int16
	for i := len(b.b) - 1; i > 0; i-- {
		sz = add(sz, mul(b.b[i], add(b.d[i], b.d[i])))
	}
	return sz
}

// limit is LIMIT: a sub-band's output has 15 bits.
func limit(y int16) int16 { return min(max(y, -16384), 16383) }

func add(x, y int16) int16 { return sat(int32(x) + int32(y)) }

func sat(x int32) int16 { return int16(min(max(x, -1<<15), 1<<15-1)) }

// mul multiplies fractions of 15 bits.
func mul(x, y int16) int16 { return int16(int32(x) * int32(y) >> 15) }
