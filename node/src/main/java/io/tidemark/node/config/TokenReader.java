package io.tidemark.node.config;

import io.tidemark.node.config.ConfigValues.Item;
import io.tidemark.node.config.ConfigValues.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** Reads {@code http.token} and {@code http.tokens}, a list of {token, role} maps. */
final class TokenReader {
  private static final List<String> ROLES =
      Stream.of(AccessRole.values()).map(role -> role.name().toLowerCase(Locale.ROOT)).toList();

  private TokenReader() {}

  /** All tokens that this node takes; that of {@code http.token} is the first. */
  static List<AccessToken> read(ConfigValues values) throws ConfigException {
    List<AccessToken> tokens = new ArrayList<>();
    String admin = values.text("http.token");
    if (admin != null) {
      tokens.add(new AccessToken(admin, AccessRole.ADMIN));
    }
    Value given = values.get("http.tokens");
    if (given != null) {
      for (Item item : given.items() == null ? List.<Item>of() : given.items()) {
        tokens.add(token(item));
      }
      if (given.items() == null || given.items().isEmpty()) {
        throw new ConfigException(
            given.place() + ": http.tokens takes a list, such as [{token: $TOKEN, role: read}].");
      }
    }
    return tokens;
  }

  /** The token with which this node asks others: the one with the fewest rights that is enough. */
  static String own(List<AccessToken> tokens) {
    AccessToken own = null;
    for (AccessToken token : tokens) {
      boolean enough = token.role().covers(AccessRole.REPLICATE);
      if (enough && (own == null || token.role().compareTo(own.role()) < 0)) {
        own = token;
      }
    }
    return own == null ? null : own.token();
  }

  private static AccessToken token(Item item) throws ConfigException {
    if (item.fields() == null) {
      throw new ConfigException(
          item.place() + ": a token of http.tokens is a map, such as {token: $TOKEN, role: read}.");
    }
    String token = null;
    AccessRole role = null;
    for (Map.Entry<String, Value> field : item.fields().entrySet()) {
      Value value = field.getValue();
      switch (field.getKey()) {
        case "token" -> token = value.text().isBlank() ? null : value.text();
        case "role" -> role = role(value);
        default ->
            throw new ConfigException(
                value.place()
                    + ": unknown key http.tokens."
                    + field.getKey()
                    + ". Did you mean http.tokens."
                    + NearestKey.of(field.getKey(), List.of("token", "role"))
                    + "?");
      }
    }
    if (token == null || role == null) {
      throw new ConfigException(
          item.place()
              + ": a token of http.tokens has no "
              + (token == null ? "token" : "role")
              + ". Set one or remove the entry.");
    }
    return new AccessToken(token, role);
  }

  private static AccessRole role(Value value) throws ConfigException {
    int index = ROLES.indexOf(value.text());
    if (index < 0) {
      throw new ConfigException(
          value.place()
              + ": the role of a token must be one of "
              + String.join(", ", ROLES)
              + ", not '"
              + value.text()
              + "'.");
    }
    return AccessRole.values()[index];
  }
}
