package g722

// Rate is the sampling rate of the output in Hz.
const Rate = 16000

// SamplesPerOctet is how many samples an octet makes.
const SamplesPerOctet = 2

const qmfTaps = 24

// Decoder decodes one stream, octet after octet: each is read by what those before it left behind, and what a lost one
// would have left fades. NewDecoder makes one.
type Decoder struct {
	low, high band
	x         [qmfTaps]int32 // the QMF's delay line, oldest first: of each octet the sum and the difference of the sub-bands
}

// NewDecoder makes a decoder for the beginning of a stream.
func NewDecoder() *Decoder {
	d := new(Decoder)
	d.Reset()
	return d
}

// Reset makes it ready for the beginning of another stream.
func (d *Decoder) Reset() {
	*d = Decoder{low: band{det: 32}, high: band{det: 8}}
}

// Append decodes a payload and appends its samples, 16 bit linear, to dst. Any octet can be decoded.
func (d *Decoder) Append(dst []int16, payload []byte) []int16 {
	for _, octet := range payload {
		s := d.Decode(octet)
		dst = append(dst, s[0], s[1])
	}
	return dst
}

// Decode decodes one octet.
func (d *Decoder) Decode(octet byte) [SamplesPerOctet]int16 {
	return d.qmf(d.lower(octet&0x3f), d.higher(octet>>6))
}

// lower is the lower sub-band's decoder. Its predictor runs on the four upper bits of six, so that it goes the same way
// in each mode.
func (d *Decoder) lower(il byte) int16 {
	b := &d.low
	rl := limit(add(b.s, mul(b.det, qq6[il]))) // INVQBL, RECONS, LIMIT
	dlt := mul(b.det, qq4[il>>2])              // INVQAL
	b.logscl(wl[il>>2], 18432)
	b.scalel(8)
	b.predict(dlt)
	return rl
}

// higher is the higher sub-band's decoder.
func (d *Decoder) higher(ih byte) int16 {
	b := &d.high
	dh := mul(b.det, qq2[ih]) // INVQAH
	rh := limit(add(b.s, dh))
	b.logscl(wh[ih], 22528)
	b.scalel(10)
	b.predict(dh)
	return rh
}

// qmf is the receive quadrature mirror filter. The Recommendation's output has 15 bits, which are the upper ones here:
// the sums have a sixteenth, and it is kept.
func (d *Decoder) qmf(rl, rh int16) [SamplesPerOctet]int16 {
	copy(d.x[:], d.x[2:])
	d.x[qmfTaps-2] = int32(rl) + int32(rh) // RECB
	d.x[qmfTaps-1] = int32(rl) - int32(rh) // RECA
	var even, odd int32
	for i, c := range h { // ACCUMC, ACCUMD
		even += d.x[2*i] * c
		odd += d.x[qmfTaps-1-2*i] * c
	}
	return [SamplesPerOctet]int16{sat(odd >> 11), sat(even >> 11)}
}
