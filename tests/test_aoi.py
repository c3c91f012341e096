"""The area of interest: every feature, the right place, and the pixels whose centres lie inside."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping

from mlbmi.aoi import AOI
from mlbmi.errors import AOIError, InputError

WEST, EAST = box(13.0, 52.4, 13.1, 52.5), box(13.3, 52.4, 13.4, 52.6)


def feature(geometry):
    return {"type": "Feature", "properties": {}, "geometry": None if geometry is None else mapping(geometry)}


def collection(*geometries, **members):
    return {"type": "FeatureCollection", "features": [feature(geometry) for geometry in geometries], **members}


def in_utm(geometry, epsg=32633):
    transform = Transformer.from_crs("OGC:CRS84", f"EPSG:{epsg}", always_xy=True).transform
    return shapely.transform(geometry, lambda points: np.column_stack(transform(points[:, 0], points[:, 1])))


def write(path, data):
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


# Which features


@pytest.mark.parametrize(
    "data",
    [
        collection(WEST, EAST),
        feature(MultiPolygon([WEST, EAST])),
        mapping(MultiPolygon([WEST, EAST])),
        {"type": "GeometryCollection", "geometries": [mapping(WEST), mapping(EAST)]},
        collection(MultiPolygon([WEST]), shapely.GeometryCollection([EAST])),
        collection(WEST, EAST, box(13.02, 52.42, 13.05, 52.45)),  # one within another
        collection(WEST, None, EAST),
    ],
    ids=["collection", "feature", "geometry", "geometries", "nested", "overlapping", "with a null"],
)
def test_every_feature_of_every_kind_of_geojson_counts(tmp_path, data):
    aoi = AOI.from_file(write(tmp_path / "Große Heide (1).geojson", data))
    assert aoi.geometry.equals(MultiPolygon([WEST, EAST]))
    assert aoi.bounds == (13.0, 52.4, 13.4, 52.6)
    assert aoi.name == "Gro_e_Heide_1"


def test_holes_stay_holes():
    ring = WEST.difference(box(13.04, 52.44, 13.06, 52.46))
    assert AOI.from_geojson(mapping(ring)).geometry.area == pytest.approx(ring.area)


def test_what_is_no_area_is_left_aside_and_said():
    aoi = AOI.from_geojson(collection(Point(13, 52), WEST, shapely.LineString([(0, 0), (1, 1)])))
    assert aoi.geometry.equals(WEST)
    assert aoi.notes == (
        "feature 1 is a Point, not an area, and was left aside",
        "feature 3 is a LineString, not an area, and was left aside",
    )


def test_an_empty_geometry_is_said():
    assert AOI.from_geojson(collection(Polygon(), WEST)).notes == ("feature 1 is empty and was left aside",)


def test_a_bow_tie_is_repaired_and_said():
    aoi = AOI.from_geojson(mapping(Polygon([(13, 52), (14, 53), (14, 52), (13, 53)])))
    assert aoi.geometry.is_valid
    assert aoi.geometry.area == pytest.approx(0.5)
    assert "was invalid" in aoi.notes[0]
    assert "was repaired" in aoi.notes[0]


def test_heights_are_dropped():
    assert not AOI.from_geojson(mapping(shapely.force_3d(WEST, 40))).geometry.has_z


# Where


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb", ".geojson"])
@pytest.mark.parametrize("epsg", [4326, 32633, 32632, 3857])
def test_vector_files_in_any_crs_land_in_one_place(tmp_path, suffix, epsg):
    path = tmp_path / f"reserve{suffix}"
    gpd.GeoSeries([WEST, EAST], crs=4326).to_crs(epsg).to_file(path)
    aoi = AOI.from_file(path)
    difference = aoi.geometry.symmetric_difference(MultiPolygon([WEST, EAST])).area
    assert difference < 1e-9
    assert aoi.name == "reserve"


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>reserve</name>
<Folder><name>west</name><Placemark><name>a</name><Polygon>
<outerBoundaryIs><LinearRing><coordinates>
13.0,52.4,35 13.1,52.4,36 13.1,52.5,37 13.0,52.5,38 13.0,52.4,35</coordinates></LinearRing></outerBoundaryIs></Polygon>
</Placemark></Folder>
<Folder><name>east</name><Placemark><name>b</name><Polygon>
<outerBoundaryIs><LinearRing><coordinates>
13.3,52.4,35 13.4,52.4,36 13.4,52.6,37 13.3,52.6,38 13.3,52.4,35</coordinates></LinearRing></outerBoundaryIs></Polygon>
</Placemark></Folder>
</Document></kml>"""


def test_every_folder_of_a_kml_file_counts_and_its_heights_are_dropped(tmp_path):
    (tmp_path / "reserve.kml").write_text(KML, encoding="utf-8")
    aoi = AOI.from_file(tmp_path / "reserve.kml")
    assert aoi.geometry.equals(MultiPolygon([WEST, EAST]))
    assert not aoi.geometry.has_z
    assert aoi.notes == ()


def test_every_layer_of_a_geopackage_counts_each_in_its_crs(tmp_path):
    path = tmp_path / "reserve.gpkg"
    gpd.GeoSeries([Point(13, 52), WEST], crs=4326).to_file(path, layer="west", driver="GPKG")
    gpd.GeoSeries([EAST], crs=4326).to_crs(32632).to_file(path, layer="east", driver="GPKG")
    aoi = AOI.from_file(path)
    assert aoi.geometry.symmetric_difference(MultiPolygon([WEST, EAST])).area < 1e-9
    assert aoi.notes == ("feature 1 is a Point, not an area, and was left aside",)


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".fgb", ".geojson"])
def test_rings_that_cross_themselves_are_repaired_in_every_format(tmp_path, suffix):
    bow_tie, path = Polygon([(13, 52), (14, 53), (14, 52), (13, 53)]), tmp_path / f"tie{suffix}"
    options = {"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}
    gpd.GeoSeries([shapely.force_3d(bow_tie, 7)], crs=4326).to_file(path, **options)
    aoi = AOI.from_file(path)
    assert aoi.geometry.is_valid
    assert not aoi.geometry.has_z
    assert aoi.geometry.area == pytest.approx(0.5)
    if suffix != ".shp":  # GDAL takes the two rings of a Shapefile apart itself
        assert "was repaired" in aoi.notes[0]


# Text


@pytest.mark.parametrize(
    "text",
    [
        WEST.wkt,
        WEST.wkt.lower(),
        f"SRID=4326;{WEST.wkt}",
        f" srid = 32633 ; {in_utm(WEST).wkt}",
        shapely.force_3d(WEST, 3).wkt,
        f"GEOMETRYCOLLECTION ({WEST.wkt}, POINT (1 1))",
        "13.0,52.4,13.1,52.5",
        " 13.0, 52.4, 13.1, 52.5 ",
        "13 52.4 13.1 52.5",
    ],
)
def test_text_instead_of_a_file(text):
    aoi = AOI.from_file(text)
    assert aoi.geometry.equals_exact(WEST, 1e-8) or aoi.geometry.symmetric_difference(WEST).area < 1e-9
    assert aoi.name in {"aoi", "bbox"}
    assert AOI.from_text(text).geometry.equals(aoi.geometry)


def test_wkt_longer_than_a_file_name_may_be():
    many = Point(13, 52).buffer(0.1, quad_segs=400)
    assert AOI.from_file(many.wkt).geometry.area == pytest.approx(many.area)


@pytest.mark.parametrize(
    "content",
    [
        MultiPolygon([WEST, EAST]).wkt,
        MultiPolygon([WEST, EAST]).wkt.replace(", ", ",\n"),
        f"\ufeff{WEST.wkt}\n\nSRID=32632;{in_utm(EAST, 32632).wkt}\n",
    ],
    ids=["one line", "many lines", "one a line"],
)
def test_a_wkt_file(tmp_path, content):
    (tmp_path / "heath.wkt").write_text(content, encoding="utf-8")
    aoi = AOI.from_file(tmp_path / "heath.wkt")
    assert aoi.geometry.symmetric_difference(MultiPolygon([WEST, EAST])).area < 1e-9
    assert aoi.name == "heath"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("POLYGON ((13 52, 14 52", "not valid WKT"),
        ("POLYGON ((13 52, 14 52, 14 53))", "not valid WKT"),
        ("SRID=1;POLYGON ((13 52, 14 52, 14 53, 13 52))", "SRID 1, which is unknown"),
        ("POINT (13 52)", "holds no polygon"),
        ("POLYGON EMPTY", "holds no polygon"),
        ("POLYGON ((400000 5800000, 500000 5800000, 500000 5900000, 400000 5800000))", "not longitude and latitude"),
        ("52.4,13.0,52.5", "does not exist"),
        ("14,52,13,53", "west < east"),
    ],
)
def test_text_that_is_no_area(text, message):
    with pytest.raises(AOIError, match=message):
        AOI.from_file(text)


# Across the 180th meridian

FIJI = MultiPolygon([box(178, -18, 180, -16), box(-180, -18, -179, -16)])
JUMPS = Polygon([(178, -18), (-179, -18), (-179, -16), (178, -16)])


@pytest.mark.parametrize(
    "aoi",
    [
        lambda: AOI.from_bbox(178, -18, -179, -16),
        lambda: AOI.from_text("178,-18,-179,-16"),
        lambda: AOI.from_geojson(mapping(box(178, -18, 181, -16))),
        lambda: AOI.from_geojson(mapping(box(-182, -18, -179, -16))),
        lambda: AOI.from_geojson(mapping(JUMPS)),
        lambda: AOI.from_geojson(mapping(FIJI)),
        lambda: AOI.from_geojson(collection(box(178, -18, 180.5, -16), box(-180, -18, -179, -16))),
    ],
    ids=["bbox", "text", "beyond 180", "beyond -180", "jumps", "cut already", "two features"],
)
def test_an_area_across_the_180th_meridian_is_cut_there(aoi):
    found = aoi()
    assert found.geometry.is_valid
    assert found.geometry.symmetric_difference(FIJI).area < 1e-9
    assert found.boxes == ((178.0, -18.0, 180.0, -16.0), (-180.0, -18.0, -179.0, -16.0))
    assert found.centre_longitude == pytest.approx(179.5)


def test_what_was_cut_is_said_and_what_was_not_is_not():
    assert AOI.from_geojson(mapping(JUMPS)).notes == ("it crosses the 180th meridian and was cut there",)
    assert AOI.from_geojson(mapping(FIJI)).notes == ()


def test_a_projected_area_across_the_180th_meridian(tmp_path):
    path = tmp_path / "fiji.gpkg"
    gpd.GeoSeries([box(800_000, 8_000_000, 1_000_000, 8_200_000)], crs=32760).to_file(path)  # east of zone 60's edge
    aoi = AOI.from_file(path)
    assert len(aoi.boxes) == 2
    assert aoi.geometry.area == pytest.approx(1.87 * 1.81, rel=0.05)
    back = shapely.union_all(shapely.get_parts(aoi.to_crs("EPSG:32760")))
    assert back.symmetric_difference(box(800_000, 8_000_000, 1_000_000, 8_200_000)).area < 1e-3 * back.area


def test_pixels_on_both_sides_of_the_180th_meridian_are_inside():
    grid = GeoBox((50, 60), Affine(1000, 0, 790_000, 0, -1000, 8_130_000), "EPSG:32760")
    x, y = centres(grid)
    lon, lat = Transformer.from_crs("EPSG:32760", "OGC:CRS84", always_xy=True).transform(x, y)
    expected = ((lon >= 179.9) | (lon <= -179.8)) & (lat >= -17.2) & (lat <= -17.0)
    edge = np.minimum(np.abs(lon % 360 - 179.9), np.abs(lon % 360 - 180.2)) < 0.01
    edge |= (np.abs(lat + 17.2) < 0.01) | (np.abs(lat + 17.0) < 0.01)
    inside = AOI.from_bbox(179.9, -17.2, -179.8, -17.0).mask(grid)
    assert (lon[expected] > 0).any()
    assert (lon[expected] < 0).any()
    np.testing.assert_array_equal(inside[~edge], expected[~edge])


def test_holes_go_with_their_ring_across_the_180th_meridian():
    ring = Polygon(JUMPS.exterior.coords, [[(-179.8, -17.5), (-179.2, -17.5), (-179.2, -17), (-179.8, -17)]])
    assert AOI.from_geojson(mapping(ring)).geometry.area == pytest.approx(6 - 0.3)


@pytest.mark.parametrize("bounds", [(-180, -90, 180, 90), (-170, -50, 170, 50), (-180, 0, 0, 10)])
def test_a_wide_box_means_what_it_says(bounds):
    aoi = AOI.from_bbox(*bounds)
    assert aoi.boxes == (tuple(map(float, bounds)),)
    assert aoi.geometry.equals(box(*bounds))


def test_the_globe_as_geojson_is_the_globe():
    assert AOI.from_geojson(mapping(box(-180, -90, 180, 90))).geometry.area == 360 * 180


@pytest.mark.parametrize("code", ["urn:ogc:def:crs:EPSG::32633", "EPSG:32633"])
def test_the_crs_member_of_old_geojson_counts(code):
    data = collection(in_utm(WEST), crs={"type": "name", "properties": {"name": code}})
    assert AOI.from_geojson(data).geometry.equals_exact(WEST, 1e-8)


@pytest.mark.parametrize("code", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326"])
def test_geojson_is_longitude_latitude_even_where_it_says_epsg_4326(code):
    data = collection(WEST, crs={"type": "name", "properties": {"name": code}})
    assert AOI.from_geojson(data).bounds == WEST.bounds


def test_projection_moves_vertices_and_keeps_edges_straight():
    projected = AOI.from_geojson(mapping(WEST)).to_crs("EPSG:32633")
    assert len(projected.exterior.coords) == 5
    assert projected.equals_exact(in_utm(WEST), 1e-6)


def test_a_bbox_is_a_rectangle():
    assert AOI.from_bbox(13.0, 52.4, 13.1, 52.5).geometry.equals(WEST)


def test_geojson_there_and_back():
    aoi = AOI.from_geojson(collection(WEST, EAST))
    assert AOI.from_geojson(aoi.to_geojson()).geometry.equals(aoi.geometry)


def test_the_reserve_has_two_polygons(realdata):
    path = realdata / "doeberitzer_multipolygon.geojson"
    aoi = AOI.from_file(path)
    parts = gpd.read_file(path).to_crs(4326).explode().geometry
    assert len(parts) == 2
    assert aoi.geometry.symmetric_difference(parts.union_all()).area < 1e-12
    assert aoi.geometry.area > 1.01 * max(part.area for part in parts)


# What is refused

REFUSED = {
    "no features": (collection(), "holds no polygon"),
    "only points": (collection(Point(13, 52)), "holds no polygon"),
    "no type": ({"name": "x"}, "type is None"),
    "a topology": ({"type": "Topology"}, "type is 'Topology'"),
    "features missing": ({"type": "FeatureCollection"}, "not valid GeoJSON"),
    "a broken ring": ({"type": "Polygon", "coordinates": [[[13, 52]]]}, "not valid GeoJSON"),
    "words for numbers": (
        {"type": "Polygon", "coordinates": [[["a", "b"], ["c", "d"], ["e", "f"], ["a", "b"]]]},
        "not valid GeoJSON",
    ),
    "metres without a crs": (mapping(in_utm(WEST)), "not longitude and latitude"),
    "an unknown crs": (collection(WEST, crs={"type": "name", "properties": {"name": "EPSG:1"}}), "names the CRS"),
    "a crs without a name": (collection(WEST, crs={"type": "link"}), "names the CRS"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_area_of_interest(case):
    data, message = case
    with pytest.raises(AOIError, match=message):
        AOI.from_geojson(data)


def test_a_missing_file(tmp_path):
    with pytest.raises(AOIError, match="does not exist") as caught:
        AOI.from_file(tmp_path / "gone.gpkg")
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.geojson", b"{", "is not JSON"),
        ("a.geojson", b"\xff\xfe", "is not JSON"),
        ("a.geojson", b"[]", "holds a list"),
        ("a.gpkg", b"hello", "cannot be read as a vector file"),
    ],
)
def test_a_file_that_is_something_else(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AOIError, match=message):
        AOI.from_file(tmp_path / name)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_vector_file_without_crs(tmp_path):
    gpd.GeoSeries([WEST]).to_file(tmp_path / "a.shp")
    with pytest.raises(AOIError, match="names no coordinate reference system"):
        AOI.from_file(tmp_path / "a.shp")


@pytest.mark.parametrize(
    "bounds", [(14, 52, 13, 53), (13, 53, 14, 52), (13, 52, 13, 53), (13, 52, 200, 53), (13, float("nan"), 14, 53)]
)
def test_a_bbox_that_is_none(bounds):
    with pytest.raises(AOIError, match="west < east"):
        AOI.from_bbox(*bounds)


# Which pixels

GRID = GeoBox((60, 70), Affine(10, 0, 399_960, 0, -10, 5_900_040), "EPSG:32633")


def centres(geobox):
    columns, rows = np.meshgrid(np.arange(geobox.shape[1]), np.arange(geobox.shape[0]))
    affine = geobox.affine
    return affine.c + affine.a * (columns + 0.5), affine.f + affine.e * (rows + 0.5)


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(st.tuples(st.floats(-50, 750), st.floats(-50, 650)), min_size=3, max_size=9, unique=True), hole=st.booleans()
)
def test_a_pixel_belongs_where_its_centre_does(corners, hole):
    shape = shapely.MultiPoint([(399_960 + x, 5_900_040 - y) for x, y in corners]).convex_hull
    if shape.geom_type != "Polygon" or shape.area < 1:
        return
    if hole:
        shape = shape.difference(shape.centroid.buffer(55.5))
    to_lonlat = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True).transform
    lonlat = shapely.transform(shape, lambda points: np.column_stack(to_lonlat(points[:, 0], points[:, 1])))
    aoi = AOI("test", lonlat)
    x, y = centres(GRID)
    projected = aoi.to_crs("EPSG:32633")
    inside = aoi.mask(GRID)
    decided = shapely.distance(shapely.boundary(projected), shapely.points(x, y)) > 1e-3  # on the outline either answer is right
    np.testing.assert_array_equal(inside[decided], shapely.contains_xy(projected, x, y)[decided])


def test_both_polygons_of_the_reserve_are_inside(realdata):
    path = realdata / "doeberitzer_multipolygon.geojson"
    aoi = AOI.from_file(path)
    projected = aoi.to_crs("EPSG:32633")
    west, south, east, north = projected.bounds
    grid = GeoBox(
        (int(north - south) // 30 + 3, int(east - west) // 30 + 3), Affine(30, 0, west - 20, 0, -30, north + 20), "EPSG:32633"
    )
    inside = aoi.mask(grid)
    np.testing.assert_array_equal(inside, shapely.contains_xy(projected, *centres(grid)))
    assert inside.sum() * 900 == pytest.approx(projected.area, rel=0.01)
    for part in gpd.read_file(path).to_crs(32633).explode().geometry:
        of_part = shapely.contains_xy(part, *centres(grid))
        assert of_part.any()
        assert inside[of_part].all()


def test_a_pixel_merely_touched_is_outside():
    x, y = 399_960, 5_900_040
    corner = box(x, y - 4.9, x + 4.9, y)  # a quarter of the first pixel, short of its centre
    to_lonlat = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True).transform
    lonlat = shapely.transform(corner, lambda points: np.column_stack(to_lonlat(points[:, 0], points[:, 1])))
    assert not AOI("corner", lonlat).mask(GRID).any()


def test_rows_of_a_grid_have_the_rows_of_its_mask():
    lon, lat = Transformer.from_crs("EPSG:32633", "OGC:CRS84", always_xy=True).transform(400_310, 5_899_740)
    aoi = AOI.from_geojson(mapping(Point(lon, lat).buffer(0.002)))
    whole = aoi.mask(GRID)
    assert 0 < whole.sum() < whole.size
    np.testing.assert_array_equal(aoi.mask(GRID[20:41, :]), whole[20:41])


def test_an_empty_grid_has_an_empty_mask():
    assert AOI.from_bbox(13, 52, 14, 53).mask(GRID[0:0, :]).shape == (0, 70)
