#!/bin/bash
# Makes the announcements and tones beside this script anew, with Debian's speech tools: espeak-ng for the voice, sox for
# level and tones, ffmpeg for G.722. Nothing else needs these packages.
#
#	zh/ID.al en/ID.al tone/china/ID.al tone/itu/ID.al          A-law, 8000 bytes a second, no header
#	the same with .g722                                        G.722 at 64 kbit/s, no header
#
# The voice cmn-latn-pinyin is the one that reads Chinese: that named cmn takes its own transcription for English. Speech
# has its silence trimmed and an RMS level of 16 dB below overload, tones have -10 dBm0. Every file is whole packets of
# 20 ms.
set -euo pipefail
cd "$(dirname "$0")"

for tool in espeak-ng sox ffmpeg; do
	if ! command -v $tool >/dev/null; then
		echo "missing: $tool; type: sudo apt-get install -y --no-install-recommends espeak-ng sox ffmpeg" >&2
		exit 1
	fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# whole FILE: cut to whole packets.
whole() { truncate -s $(($(stat -c %s "$1") / 160 * 160)) "$1"; }

# encode WAV NAME: both codecs of a WAV of 16 kHz.
encode() {
	mkdir -p "$(dirname "$2")"
	sox -D "$1" -t raw -e a-law -r 8000 -c 1 "$2.al"
	ffmpeg -v error -y -i "$1" -ac 1 -ar 16000 -c:a g722 -f g722 -bitexact "$2.g722"
	whole "$2.al"
	whole "$2.g722"
}

# level WAV: the RMS level in dB below overload.
level() { sox "$1" -n stats 2>&1 | awk '/^RMS lev dB/ {print $4}'; }

# say LANGUAGE VOICE ID TEXT SPEED
say() {
	local raw=$work/raw.wav wide=$work/wide.wav out=$work/out.wav
	espeak-ng -v "$2" -s "$5" -w "$raw" "$4"
	# What lies outside of the telephone band only takes level away.
	sox -D "$raw" -r 16000 -c 1 "$wide" sinc 200-3600 silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse
	for pass in 1 2 3; do # the limiter takes a little of what is asked for
		sox -D "$wide" "$out" gain -l "$(awk -v l="$(level "$wide")" 'BEGIN {print -16 - l}')"
		mv "$out" "$wide"
	done
	sox -D "$wide" "$out" pad 0.1 0.4
	encode "$out" "$1/$3"
}

say zh cmn-latn-pinyin not-in-service '您拨打的号码未开通服务，请核对后再拨。' 170
say zh cmn-latn-pinyin order-finished '您的订单已结束，该号码已停止使用。' 170
say zh cmn-latn-pinyin call-limit '您的呼叫受到限制，请稍后再拨。' 170
say zh cmn-latn-pinyin last-minute '本次通话还剩一分钟。' 170
say zh cmn-latn-pinyin recording-notice '本次通话将被录音。' 170
say zh cmn-latn-pinyin enter-extension '请输入分机号。' 170
say en en-gb not-in-service 'The number you have dialled is not in service. Please check the number and dial again.' 160
say en en-gb order-finished 'Your order is finished, and this number is no longer in use.' 160
say en en-gb call-limit 'Your call cannot be put through at this time. Please try again later.' 160
say en en-gb last-minute 'One minute of this call is left.' 160
say en en-gb recording-notice 'This call is recorded.' 160
say en en-gb enter-extension 'Please enter the extension.' 160

# beep PLAN ID, then for each part: FREQUENCY SECONDS, 0 Hz is silence. A sine of -10 dBm0 has its peak 13.14 dB below
# overload.
beep() {
	local name=tone/$1/$2 parts=() n=0
	shift 2
	while [ $# -gt 0 ]; do
		local part=$work/part$n.wav
		if [ "$1" = 0 ]; then
			sox -D -n -r 16000 -b 16 -c 1 "$part" trim 0 "$2"
		else
			sox -D -n -r 16000 -b 16 -c 1 "$part" synth "$2" sine "$1" gain -13.14
		fi
		parts+=("$part")
		n=$((n + 1))
		shift 2
	done
	sox -D "${parts[@]}" "$work/out.wav"
	encode "$work/out.wav" "$name"
}

# China: 450 Hz, as listed for it in the annex on tones of ITU-T E.180.
beep china ringback 450 1 0 4
beep china busy 450 0.35 0 0.35
beep china congestion 450 0.7 0 0.7
beep china unobtainable 450 0.1 0 0.1 450 0.1 0 0.1 450 0.1 0 0.1 450 0.4 0 0.4
beep china notice 450 0.4 0 0.2

# Elsewhere: 425 Hz, and the three tones of special information, ITU-T E.180.
beep itu ringback 425 1 0 4
beep itu busy 425 0.5 0 0.5
beep itu congestion 425 0.25 0 0.25
beep itu unobtainable 950 0.33 1400 0.33 1800 0.33 0 1.01
beep itu notice 425 0.4 0 0.2
