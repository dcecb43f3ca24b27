package recovery

import (
	"fmt"
	"time"
)

// Human writes a duration for people: its two largest units, and tenths of a second below ten.
func Human(d time.Duration) string {
	if d < 0 {
		return "-" + Human(-d)
	}
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	if d < 9950*time.Millisecond {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	if d < 2*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	if d >= time.Hour {
		d = d.Round(time.Minute)
	} else {
		d = d.Round(time.Second)
	}
	for i, u := range units {
		if n := d / u.size; n > 0 {
			text := fmt.Sprintf("%d %s", n, u.name)
			if i+1 < len(units) {
				if rest := d % u.size / units[i+1].size; rest > 0 {
					text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
				}
			}
			return text
		}
	}
	return "0 s"
}

// Size writes bytes for people.
func Size(bytes int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	size, i := float64(bytes), 0
	for size >= 1024 && i < len(units)-1 {
		size /= 1024
		i++
	}
	if i == 0 || size >= 100 {
		return fmt.Sprintf("%.0f %s", size, units[i])
	}
	return fmt.Sprintf("%.1f %s", size, units[i])
}
