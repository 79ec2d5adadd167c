package io.tidemark.ltx;

/**
 * A transaction ID: an unsigned 64-bit counter, one per committed transaction of a database. The
 * first transaction is 1; 0 stands for "before any transaction".
 *
 * @param value the bits of the unsigned number
 */
public record Txid(long value) implements Comparable<Txid> {

  /** The position of a database that has never had a transaction. */
  public static final Txid ZERO = new Txid(0);

  /**
   * Reads the 16-digit text form.
   *
   * @throws IllegalArgumentException unless the text is 16 lower-case hex digits
   */
  public static Txid parse(CharSequence text) {
    return new Txid(Hex16.parse("transaction ID", text));
  }

  /**
   * The ID of the transaction after this one.
   *
   * @throws ArithmeticException after the last of the 2^64 IDs
   */
  public Txid next() {
    if (value == -1L) {
      throw new ArithmeticException("no transaction ID after " + this);
    }
    return new Txid(value + 1);
  }

  public boolean isZero() {
    return value == 0;
  }

  /** Compares as unsigned numbers. */
  @Override
  public int compareTo(Txid other) {
    return Long.compareUnsigned(value, other.value);
  }

  /** 16 lower-case hex digits, as used in file names, positions and logs. */
  @Override
  public String toString() {
    return Hex16.format(value);
  }
}
