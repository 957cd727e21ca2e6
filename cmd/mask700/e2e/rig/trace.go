package rig

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// Message is one SIP message as a phone saw it on the wire.
type Message struct {
	Received bool // else it was sent by the phone
	Text     string
}

// First is the start line.
func (m Message) First() string {
	line, _, _ := strings.Cut(m.Text, "\r\n")
	return line
}

// Header returns the values of a header, every instance.
func (m Message) Header(name string) []string {
	head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
	var values []string
	for _, line := range strings.Split(head, "\r\n")[1:] {
		n, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

// Body is what follows the header.
func (m Message) Body() string {
	_, body, _ := strings.Cut(m.Text, "\r\n\r\n")
	return body
}

// ReadTrace reads the messages of a file that SIPp wrote with -trace_msg, retransmissions too.
func ReadTrace(file string) ([]Message, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseTrace(data), nil
}

// parseTrace knows two shapes: "UDP message received [412] bytes :" and "UDP message sent (412 bytes):", each with
// an empty line before the message.
func parseTrace(data []byte) []Message {
	var messages []Message
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		received := bytes.Contains(line, []byte(" message received ["))
		if !received && !bytes.Contains(line, []byte(" message sent (")) {
			continue
		}
		size := number(line)
		data = bytes.TrimPrefix(data, []byte("\n"))
		if size <= 0 || size > len(data) {
			continue
		}
		messages = append(messages, Message{Received: received, Text: string(data[:size])})
		data = data[size:]
	}
	return messages
}

// number is the first number after a bracket or parenthesis.
func number(line []byte) int {
	at := bytes.IndexAny(line, "[(")
	if at < 0 {
		return 0
	}
	end := at + 1
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(string(line[at+1 : end]))
	return n
}
