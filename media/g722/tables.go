package g722

// qq6, qq4 and qq2 are the outputs of the inverse quantizers of 6, 4 and 2 bits at a scale factor of 1, by code. Four
// codes of 6 bits are not sent by an encoder; they are read like their neighbours.
var (
	qq6 = [64]int16{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	qq4 = [16]int16{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	qq2 = [4]int16{-7408, -1616, 7408, 1616}
)

// wl and wh are what a code adds to the logarithmic scale factor of its sub-band.
var (
	wl = [16]int16{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}
	wh = [4]int16{798, -214, 798, -214}
)

// ilb turns the fraction of a logarithm to base 2, in 32nds, into a number from 2048 up.
var ilb = [32]int16{
	2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
	2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
}

// h holds every second of the 24 coefficients of the receive QMF, from the first; the others are the same backwards.
var h = [qmfTaps / 2]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
