package io.tidemark.mount;

import java.util.regex.Pattern;

/** What the name of a file says about its role. */
final class Names {
  /** The files that belong to a database of the same directory. */
  enum Side {
    JOURNAL("-journal"),
    WAL("-wal"),
    SHM("-shm");

    final String suffix;

    Side(String suffix) {
      this.suffix = suffix;
    }
  }

  static final String POS_SUFFIX = "-pos";
  static final String PRIMARY = ".primary";
  static final String LAG = ".lag";

  /** SQLite names a super-journal after the main database, with nine hexadecimal digits. */
  private static final Pattern SUPER = Pattern.compile("(.+)-mj[0-9A-F]{6}9[0-9A-F]{2}");

  private Names() {}

  /** The role of {@code name}, or null. */
  static Side side(String name) {
    for (Side side : Side.values()) {
      if (name.length() > side.suffix.length() && name.endsWith(side.suffix)) {
        return side;
      }
    }
    return null;
  }

  static String withoutSuffix(String name, String suffix) {
    return name.substring(0, name.length() - suffix.length());
  }

  /** Whether only the daemon makes files of that name there. */
  static boolean isSpecial(DirectoryNode parent, String name) {
    boolean isRoot = parent.parent == null;
    return name.endsWith(POS_SUFFIX) || (isRoot && ClusterFiles.has(name));
  }

  /** The main database that a super-journal of this name belongs to, or null. */
  static String superJournalBase(String name) {
    var matcher = SUPER.matcher(name);
    return matcher.matches() ? matcher.group(1) : null;
  }
}
