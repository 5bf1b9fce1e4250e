"""Masks are right for Chinese names and addresses, full-width text, and hide all that they do not recognise."""

import pytest

from policies.masks import mask_text
from policies.surnames import COMPOUND
from policies.vocabulary import Mask

CASES = [
    (Mask.NAME, "王伟", "王*"),
    (Mask.NAME, "张三丰", "张**"),
    (Mask.NAME, "张 三", "张*"),
    (Mask.NAME, "李\u3000四", "李*"),
    (Mask.NAME, "欧阳修", "欧阳*"),
    (Mask.NAME, "欧阳娜娜", "欧阳**"),
    (Mask.NAME, "司马光", "司马*"),
    (Mask.NAME, "司馬遷", "司馬*"),
    (Mask.NAME, "诸葛孔明", "诸葛**"),
    (Mask.NAME, "欧阳", "欧*"),
    (Mask.NAME, "司马", "司*"),
    (Mask.NAME, "王", "*"),
    (Mask.NAME, "陈𠮷", "陈*"),
    (Mask.NAME, "𠮷田", "𠮷*"),
    (Mask.NAME, "葛\U000e0100洪", "葛*"),
    (Mask.NAME, "阿卜杜拉·麦麦提", "阿***·***"),
    (Mask.NAME, "张A", "张*"),
    (Mask.NAME, "Ａｎｎａ", "A***"),
    (Mask.NAME, "John Smith", "J*** *****"),
    (Mask.NAME, "O'Brien", "O'*****"),
    (Mask.NAME, "X", "*"),
    (Mask.NAME, "...", "*"),
    (Mask.NAME, "古丽·买买提", "古*·***"),
    (Mask.NAME, "㐀某", "㐀*"),
    (Mask.NAME, "\U00031350某某", "\U00031350**"),
    (Mask.NAME, "\ue863某某", "\ue863**"),
    (Mask.NAME, "?伟", "*"),
    (Mask.NAME, "□某某", "*"),
    (Mask.NAME, "⿰亻某某", "*"),
    (Mask.NAME, "1234", "*"),
    (Mask.IDENTIFIER, "110105491231002", "110****02"),
    (Mask.IDENTIFIER, "110105-19491231-002X", "110****2X"),
    (Mask.IDENTIFIER, "H12345678(A)", "H****A"),
    (Mask.IDENTIFIER, "A123456(7)", "A****7"),
    (Mask.IDENTIFIER, "号码:110105194912310022", "****"),
    (Mask.PHONE, "+1 415 555 2671", "****2671"),
    (Mask.PHONE, "+85298765432", "****5432"),
    (Mask.PHONE, "（０１０）６２３４５６７８转８００１", "****5678"),
    (Mask.PHONE, "01062345678-123", "****5678"),
    (Mask.PHONE, "13800138000转1", "138****8000"),
    (Mask.PHONE, "13800138000,13900139000", "****"),
    (Mask.PHONE, "张三13800138000", "****"),
    (Mask.BANK_ACCOUNT, "６２２２０２００００００１２３４５６７", "****4567"),
    (Mask.BANK_ACCOUNT, "张三6222020000001234567", "****"),
    (Mask.IDENTIFIER, "11010519491231002X", "110****2X"),
    (Mask.IDENTIFIER, "１１０１０５１９４９１２３１００２Ｘ", "110****2X"),
    (Mask.IDENTIFIER, "E12345678", "E****8"),
    (Mask.IDENTIFIER, "A1234", "****"),
    (Mask.PHONE, "13800138000", "138****8000"),
    (Mask.PHONE, "１３８００１３８０００", "138****8000"),
    (Mask.PHONE, "+86 138-0013-8000", "138****8000"),
    (Mask.PHONE, "008613800138000", "138****8000"),
    (Mask.PHONE, "010-62345678", "****5678"),
    (Mask.PHONE, "110", "****"),
    (Mask.PHONE, "ask at the desk", "****"),
    (Mask.BANK_ACCOUNT, "6222 0200 0000 1234 567", "****4567"),
    (Mask.BANK_ACCOUNT, "12345678901", "****"),
    (Mask.TEXT, "自由文本", "自****"),
    (Mask.TEXT, "三个字", "****"),
]
ADDRESSES = """
北京市朝阳区建国路１号 北京市朝阳区
北京朝阳区三里屯 北京朝阳区
上海市浦东新区世纪大道100号 上海市浦东新区
广东省深圳市南山区科技园1号 广东省深圳市南山区
广东省东莞市长安镇3号 广东省东莞市
山东省济南市市中区经四路 山东省济南市市中区
河北省石家庄市长安区中山路 河北省石家庄市长安区
河北省唐山市路北区某路 河北省唐山市路北区
江苏省南京市鼓楼区中山路 江苏省南京市鼓楼区
江苏省苏州市昆山市玉山镇 江苏省苏州市昆山市
河南省新乡市红旗区某街 河南省新乡市红旗区
江西省景德镇市珠山区 江西省景德镇市珠山区
福建省厦门市思明区 福建省厦门市思明区
湖南省永州市道县某村 湖南省永州市道县
贵州省六盘水市六枝特区平寨镇 贵州省六盘水市六枝特区
内蒙古自治区呼和浩特市新城区成吉思汗大街 内蒙古自治区呼和浩特市新城区
内蒙古自治区呼伦贝尔市鄂伦春自治旗阿里河镇 内蒙古自治区呼伦贝尔市鄂伦春自治旗
内蒙古自治区锡林郭勒盟二连浩特市 内蒙古自治区锡林郭勒盟二连浩特市
新疆维吾尔自治区伊犁哈萨克自治州霍城县清水河镇 新疆维吾尔自治区伊犁哈萨克自治州霍城县
西藏自治区那曲地区安多县 西藏自治区那曲地区安多县
城步苗族自治县儒林镇 城步苗族自治县
镇江市京口区 镇江市京口区
香港特别行政区中西区 香港特别行政区中西区
北京市幸福小区5号楼 北京市
北京市幸福小区东区5号楼 北京市
北京市西城区区府路1号 北京市西城区
上海市县前街5号 上海市
东莞市虎门镇太平县前街 东莞市
某某超市旁 -
臺灣省臺北市中正區重慶南路1號 臺灣省臺北市中正區
廣東省深圳市南山區科技園1號 廣東省深圳市南山區
香港中西區德輔道 香港中西區
天津市河北区某路 天津市河北区
吉林省吉林市船营区 吉林省吉林市船营区
上海市黄浦区北京路1号 上海市黄浦区
张三家北京市朝阳区 -
张三住江苏省南京市鼓楼区 -
王家庄市场旁 -
新疆路1号 -
西藏北路5号 -
北京 -
幸福里3号院 -
Main-Street-12 -
"""


@pytest.mark.parametrize(("mask", "text", "masked"), CASES)
def test_a_mask_shows_exactly_what_its_rule_says(mask: Mask, text: str, masked: str) -> None:
    assert mask_text(mask, text) == masked


@pytest.mark.parametrize("line", ADDRESSES.split("\n")[1:-1])
def test_an_address_shows_no_more_than_its_county(line: str) -> None:
    address, kept = line.split(" ")
    assert mask_text(Mask.ADDRESS, address) == f"{kept.strip('-')}****"


def test_spaces_inside_an_address_do_not_change_what_is_hidden() -> None:
    assert mask_text(Mask.ADDRESS, "北京市 朝阳区　建国路 1 号") == "北京市朝阳区****"


@pytest.mark.parametrize("surname", sorted(COMPOUND))
def test_a_compound_surname_is_kept_whole_and_the_given_name_hidden(surname: str) -> None:
    assert len(surname) == 2
    assert mask_text(Mask.NAME, f"{surname}某") == f"{surname}*"
    assert mask_text(Mask.NAME, f"{surname}某某") == f"{surname}**"
