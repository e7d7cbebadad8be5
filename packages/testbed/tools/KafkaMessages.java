import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Writes messages of Kafka's protocol with the classes that Kafka generates from its definitions, as lines of JSON: each API in each
 * version, request and response, with values that differ from each other and from the defaults. A second message of each kind has
 * null wherever it is allowed, and no tagged fields.
 *
 * Usage: java -cp 'jars/*' KafkaMessages.java Produce:3-12 Fetch:11-12 ...
 */
public class KafkaMessages {
  /** In UTF-8, independently of the locale. */
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private static final String PACKAGE = "org.apache.kafka.common.message.";
  private final boolean isSparse;
  private int count = 0;

  private KafkaMessages(boolean isSparse) {
    this.isSparse = isSparse;
  }

  public static void main(String[] args) throws Exception {
    for (String arg : args) {
      String[] parts = arg.split("[:-]");
      for (short version = Short.parseShort(parts[1]); version <= Short.parseShort(parts[2]); version++) {
        for (String direction : List.of("Request", "Response"))
          print(parts[0], direction.toLowerCase(), parts[0] + direction + "Data", version);
      }
    }
  }

  private static void print(String api, String direction, String name, short version) throws Exception {
    String before = null;
    for (boolean isSparse : new boolean[] {false, true}) {
      Class<?> type = Class.forName(PACKAGE + name);
      Message message = (Message) type.getDeclaredConstructor().newInstance();
      new KafkaMessages(isSparse).fill(message, ((Schema[]) type.getField("SCHEMAS").get(null))[version]);
      JsonNode json = (JsonNode) Class.forName(type.getName() + "JsonConverter")
          .getMethod("write", type, short.class).invoke(null, message, version);
      ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      String hex = HexFormat.of().formatHex(bytes);
      if (hex.equals(before)) continue;
      before = hex;
      OUT.println("{\"api\":\"" + api + "\",\"version\":" + version + ",\"direction\":\"" + direction
          + "\",\"json\":" + json + ",\"hex\":\"" + hex + "\"}");
    }
  }

  private void fill(Object target, Schema schema) throws Exception {
    for (BoundField bound : schema.fields()) {
      if (bound.def.type instanceof TaggedFields tagged) {
        if (isSparse) continue;
        for (var each : tagged.fields().values()) set(target, each.name, each.type);
      } else set(target, bound.def.name, bound.def.type);
    }
  }

  private void set(Object target, String name, Type type) throws Exception {
    Field field = target.getClass().getDeclaredField(camelCase(name));
    field.setAccessible(true);
    boolean isNull = isSparse && type.isNullable() && !field.getType().isPrimitive();
    field.set(target, isNull ? null : value(field, field.get(target), type));
  }

  private Object value(Field field, Object before, Type type) throws Exception {
    Class<?> java = field.getType();
    if (Collection.class.isAssignableFrom(java)) return collection(field, before, type);
    if (type instanceof Schema schema) {
      Object struct = java.getDeclaredConstructor().newInstance();
      fill(struct, schema);
      return struct;
    }
    if (java == boolean.class) return !(boolean) before;
    boolean isProducerId = field.getName().toLowerCase().endsWith("producerid");
    return primitive(java, isProducerId);
  }

  private Object primitive(Class<?> java, boolean isProducerId) {
    int n = ++count;
    if (java == byte.class) return (byte) n;
    if (java == short.class) return (short) (1_000 + n);
    if (java == int.class || java == Integer.class) return 1_000_000 + n;
    // producer ids have 63 bits; all other integers are within the safe ones of JavaScript
    if (java == long.class) return (isProducerId ? 1L << 62 : 1L << 42) + n;
    if (java == String.class) return "\u00e9" + n;
    if (java == Uuid.class) return new Uuid(1L << 60 | n, 1L << 61 | n);
    byte[] bytes = {(byte) 0xff, 0, (byte) n};
    if (java == byte[].class) return bytes;
    if (java == ByteBuffer.class) return ByteBuffer.wrap(bytes);
    return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes));
  }

  @SuppressWarnings("unchecked")
  private Object collection(Field field, Object before, Type type) throws Exception {
    Type of = type.arrayElementType().get();
    boolean isList = List.class == field.getType();
    Class<?> element = (Class<?>) ((ParameterizedType) (isList ? field.getGenericType() : field.getType().getGenericSuperclass()))
        .getActualTypeArguments()[0];
    Collection<Object> items = isList ? new ArrayList<>() : (Collection<Object>) field.getType().getDeclaredConstructor().newInstance();
    for (int i = 0; i < 2; i++) {
      if (of instanceof Schema schema) {
        Object item = element.getDeclaredConstructor().newInstance();
        fill(item, schema);
        items.add(item);
      } else items.add(primitive(element, false));
    }
    return items;
  }

  private static String camelCase(String name) {
    StringBuilder camel = new StringBuilder();
    for (String word : name.split("_"))
      camel.append(camel.isEmpty() ? word : word.substring(0, 1).toUpperCase() + word.substring(1));
    return camel.toString();
  }
}
