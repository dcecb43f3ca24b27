package costs

import "math/bits"

// shapley shares the change of a value out to the factors that it is made of: each gets the mean of what it adds, over
// all orders in which the factors can go from what they were to what they are. No order is preferred, the shares add up
// to the change, and a factor that stayed gets nothing (L. S. Shapley, "A value for n-person games", 1953; as a
// decomposition of change: J. W. Sun, "Changes in energy consumption and energy intensity", Energy Economics 20, 1998).
func shapley(was, is []float64, value func(factors []float64) float64) []float64 {
	n := len(was)
	values := make([]float64, 1<<n) // by the set of factors that have changed
	for set := range values {
		factors := make([]float64, n)
		for i := range factors {
			factors[i] = was[i]
			if set&(1<<i) != 0 {
				factors[i] = is[i]
			}
		}
		values[set] = value(factors)
	}
	shares := make([]float64, n)
	for i := range shares {
		for set := range values {
			if set&(1<<i) == 0 {
				before := bits.OnesCount(uint(set))
				shares[i] += (values[set|1<<i] - values[set]) * factorial(before) * factorial(n-before-1) / factorial(n)
			}
		}
	}
	return shares
}

func factorial(n int) float64 {
	product := 1.0
	for i := 2; i <= n; i++ {
		product *= float64(i)
	}
	return product
}
